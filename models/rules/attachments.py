"""Which files may go with an email: nothing that a computer would run (SPEC 4)."""

import unicodedata
from collections.abc import Iterable

MOST_BYTES = 20 * 1024 * 1024  # all attachments of a campaign together
LONGEST_NAME = 150  # characters
# What Gmail and Outlook refuse to deliver: support.google.com/mail/answer/6590, and Microsoft's list of blocked
# attachments. Documents with macros are refused too: a mail server that lets them through is rare.
_EXECUTABLE = """
ade adp apk app appimage appinstaller appref-ms appx appxbundle asp aspx bas bat cab cer chm cmd cnt com
command cpl crt csh der desktop diagcab dll dmg docm dotm ear ex ex_ exe fxp gadget grp hlp hpj hta htc img
inf ins iso isp its jar jnlp js jse ksh lib lnk mad maf mag mam maq mar mas mat mau mav maw mcf mda mdb mde
mdt mdw mdz mht mhtml mobileconfig msc msh msh1 msh1xml msh2 msh2xml mshxml msi msix msixbundle msp mst msu
nsh ops osd out pcd pif pkg pl plg potm ppam ppsm pptm prf prg printerexport ps1 ps1xml ps2 ps2xml psc1 psc2
psd1 psdm1 psm1 pst py pyc pyo pyw pyz pyzw rb reg run scf scr sct settingcontent-ms sh shb shs so svg swf sys
theme tmp udl url vb vbe vbp vbs vhd vhdx vsmacros vsw vxd wasm webpnp website ws wsb wsc wsf wsh xbap xlam
xll xlsm xltm xnk xsl zsh
"""
EXECUTABLE = frozenset(_EXECUTABLE.split())
# How such files begin, whatever their name says: Windows, Linux, macOS (four ways), Java and universal macOS,
# Android, WebAssembly, scripts, shortcuts, cabinets.
SIGNATURES = (
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"dex\n",
    b"\0asm",
    b"#!",
    b"\xef\xbb\xbf#!",
    b"L\0\0\0\x01\x14\x02\0",
    b"MSCF",
)


def is_executable(name: str, content: bytes) -> bool:
    """Whether a file is one that a computer would run, by its name or by its first bytes."""
    return _has_executable_name(name) or content.startswith(SIGNATURES)


def packs_executable(names: Iterable[str]) -> bool:
    """Whether one of the files in an archive would be run, by their names."""
    return any(map(_has_executable_name, names))


def is_fit_name(name: str) -> bool:
    """Whether a file may be called this: one visible line, and no folder, which some mail programs would follow."""
    return (
        0 < len(name) <= LONGEST_NAME
        and name.strip(" .") != ""
        and not set(name) & set("/\\")
        and not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in name)
    )


def _has_executable_name(name: str) -> bool:
    """Windows leaves out dots and spaces at the end of a name."""
    _, dot, extension = name.rstrip(" .\0").casefold().rpartition(".")
    return bool(dot) and extension.strip() in EXECUTABLE
