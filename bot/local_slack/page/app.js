// The page: what one person sees of the local Slack, kept up to date, and what they do.
import { drawBlocks } from "./blocks.js";
import { h, listing, menu } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("as");
// Each tab acts as one person, so that two tabs may be two people.
let me = asked ?? sessionStorage.getItem("me") ?? "U0ALICE";
let state = null, thread = null, tab = "messages", traffic = false, complaints = {};
const drafts = {};
const here = () => location.hash.slice(1).split("/")[0] || "C0CAMPAIGNS";
const channel = () => state.channels.find((one) => one.id === here());
const seenAt = JSON.parse(localStorage.getItem("seen") ?? "{}");

// What is done

async function act(what, details = {}) {
  const answer = await fetch("/ui/act", { method: "POST", body: JSON.stringify({ as: me, act: what, ...details }),
    headers: { "Content-Type": "application/json" } }).then((response) => response.json(), () => ({ error: "The local Slack does not answer." }));
  if (answer.error) toast(answer.error);
  return answer;
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toast.pause);
  toast.pause = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

function confirmed(question) {
  const dialog = $("confirm");
  const button = (value, text, style) => h("button", { value, className: `button ${style}` }, text);
  dialog.replaceChildren(h("form", { method: "dialog" },
    h("h2", { id: "confirm-title" }, question.title.text), h("div", { className: "dialog-body" }, mrkdwn(question.text.text, names())),
    h("div", { className: "dialog-foot" }, button("no", question.deny?.text ?? "Cancel", ""), button("yes", question.confirm?.text ?? "Yes", question.style ?? "primary"))));
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

const INITIAL = { initial_option: (option) => option.value, initial_options: (options) => options.map((option) => option.value) };

/** What interactive elements in a message or view do. */
function deedOf(place, subject, extra = {}) {
  const key = place.view_id ?? `${place.channel}:${place.ts}`;
  return {
    names: names(), people: state.people, channels: state.channels, complaints, confirm: confirmed, redraw: draw, ...extra,
    answer: (block, element) => {
      for (const answers of [drafts[key], subject.answers]) {
        if (answers?.[block.block_id]?.[element.action_id] !== undefined) return answers[block.block_id][element.action_id];
      }
      const initial = Object.keys(element).find((name) => name.startsWith("initial_") && name !== "initial_conversation_default");
      if (!initial) return undefined;
      return element.type === "external_select" ? element[initial] : (INITIAL[initial] ?? ((value) => value))(element[initial]);
    },
    keep: (block, element, value) => { ((drafts[key] ??= {})[block.block_id] ??= {})[element.action_id] = value; },
    act: (block, element, answer) => act("click", { ...place, block_id: block.block_id, action_id: element.action_id, answer, answers: drafts[key] ?? {} }),
    suggest: async (block, element, typed) => (await act("suggest", { ...place, block_id: block.block_id, action_id: element.action_id, typed })).options ?? {},
  };
}

async function submit(view) {
  const button = $("modal").querySelector("[type=submit]");
  if (button) button.disabled = true;
  const answer = await act("submit", { view_id: view.id, answers: drafts[view.id] ?? {} });
  complaints = answer.errors ?? {};
  $("modal").version = null;
  drawModal();
}

// What is seen

const names = () => Object.fromEntries([...state.people.map((one) => [one.id, one.name]), [state.app.id, state.app.name],
  ...state.channels.map((one) => [one.id, one.name])]);
const clock = (ts) => new Date(Number(ts) * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
const face = (user) => user === state.app.id ? h("span", { className: "face app", "aria-hidden": "true" })
  : h("span", { className: `face ${user.toLowerCase()}`, "aria-hidden": "true" }, (names()[user] ?? "S")[0]);

function drawMessage(message, inThread) {
  const isApp = message.user === state.app.id;
  const place = { channel: message.channel, ts: message.ts };
  const replies = state.messages.filter((one) => one.thread_ts === message.ts);
  const openThread = () => { thread = message.thread_ts ?? message.ts; traffic = false; draw(); $("reply-line").focus(); };
  const shortcuts = state.app.shortcuts.filter((one) => one.kind === "message");
  return h("article", { className: `message ${message.only_me ? "only-me" : ""}`, id: inThread ? undefined : `m${message.ts}` },
    message.only_me && h("p", { className: "eye" }, "Only visible to you ",
      h("button", { type: "button", className: "plain", onclick: () => act("dismiss", place) }, "Dismiss")),
    message.broadcast && !inThread && h("p", { className: "eye" }, "Also sent from a thread"),
    face(message.user),
    h("div", { className: "body" },
      h("p", { className: "by" }, h("b", {}, names()[message.user] ?? "Slackbot"), (isApp || message.user === "USLACKBOT") && h("span", { className: "app-mark" }, "APP"),
        h("time", { title: new Date(Number(message.ts) * 1000).toLocaleString("en-GB") }, clock(message.ts))),
      h("div", { className: "blocks" }, message.blocks ? drawBlocks(message.blocks, deedOf(place, message))
        : message.text && h("div", {}, mrkdwn(message.text, names()), message.edited && h("small", {}, " (edited)"))),
      (message.files ?? []).map(drawFile),
      !inThread && replies.length > 0 && h("button", { type: "button", className: "replies plain", onclick: openThread },
        `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`, h("span", {}, `last at ${clock(replies.at(-1).ts)}`))),
    !message.only_me && h("div", { className: "tools" },
      !inThread && h("button", { type: "button", className: "plain", onclick: openThread }, "Reply"),
      shortcuts.length > 0 && h("button", { type: "button", className: "plain", "aria-label": "Message shortcuts", "aria-haspopup": "menu",
        onclick: (event) => menu(event.currentTarget, shortcuts.map((one) => [one.name, () => act("shortcut", { ...place, callback_id: one.callback_id })])) }, "⋮")));
}

function drawFile(file) {
  if (file.mode === "tombstone") return h("p", { className: "file gone" }, "This file was deleted.");
  const size = file.size < 1024 ? `${file.size} bytes` : file.size < 1048576 ? `${Math.round(file.size / 1024)} kB` : `${(file.size / 1048576).toFixed(1)} MB`;
  return h("a", { className: "file", href: `/ui/files/${file.id}?as=${me}`, download: file.name }, h("span", { className: "sheet", "aria-hidden": "true" }),
    h("span", {}, h("b", {}, file.title), h("small", {}, `${file.pretty_type} · ${size} · Download`)));
}

function drawList(parent, items, inThread) {
  const atEnd = parent.scrollHeight - parent.scrollTop - parent.clientHeight < 40;
  const counted = items.map((item) => ({ ...item, replied: state.messages.filter((one) => one.thread_ts === item.ts).map((one) => one.ts) }));
  listing(parent, counted, (item) => item.ts, (item) => drawMessage(item, inThread));
  if (atEnd) requestAnimationFrame(() => { parent.scrollTop = parent.scrollHeight; });
}

function drawSide() {
  $("me").replaceChildren(...state.people.map((one) => h("option", { value: one.id, selected: one.id === me }, one.name)));
  const seen = (seenAt[me] ??= {});
  const entry = (one) => h("li", {}, h("a", { href: `#${one.id}`, className: one.latest > (seen[one.id] ?? "") ? "unread" : "", "aria-current": one.current ? "page" : undefined },
    one.direct ? one.name : `# ${one.name}`));
  if (!document.hidden) seen[here()] = channel().latest;
  localStorage.setItem("seen", JSON.stringify(seenAt));
  const listed = state.channels.map((one) => ({ ...one, current: one.id === here(), seen: seen[one.id] }));
  listing($("channels"), listed.filter((one) => !one.direct), (one) => one.id, entry);
  listing($("directs"), listed.filter((one) => one.direct), (one) => one.id, entry);
  const shortcuts = state.app.shortcuts.filter((one) => one.kind === "global");
  listing($("shortcuts"), shortcuts, (one) => one.callback_id, (one) =>
    h("li", {}, h("button", { type: "button", className: "plain", onclick: () => act("shortcut", { callback_id: one.callback_id }) }, one.name)));
  $("shortcuts").previousElementSibling.hidden = !shortcuts.length;
  $("transport").textContent = `${state.app.name} by ${state.app.transport}${state.app.connected ? "" : ", not connected"}`;
}

function drawMain() {
  const place = channel();
  const hasHome = place.direct && state.app.home;
  $("place").textContent = place.direct ? place.name : `# ${place.name}`;
  listing($("tabs"), hasHome ? ["home", "messages"].map((name) => ({ name, on: name === tab })) : [], (one) => one.name, (one) =>
    h("button", { type: "button", "aria-pressed": String(one.on), onclick: () => { tab = one.name; act("home", { tab }); draw(); $("messages").scrollTop = $("messages").scrollHeight; } }, one.name === "home" ? "Home" : "Messages"));
  const atHome = hasHome && tab === "home";
  $("home").hidden = !atHome;
  $("messages").hidden = $("composer").hidden = atHome;
  const home = state.home;
  listing($("home"), home ? [home] : [], () => "home", () => h("div", { className: "blocks" }, drawBlocks(home.blocks, deedOf({ view_id: home.id }, home))));
  if (!home) $("home").replaceChildren(h("p", { className: "empty" }, "The app has published nothing here yet."));
  drawList($("messages"), state.messages.filter((one) => !one.thread_ts || one.broadcast || one.thread_ts === one.ts));
  if (!state.messages.length) $("messages").replaceChildren(h("p", { className: "empty" }, `Nothing here yet. Type ${state.app.commands[0]?.name ?? "a message"} to begin.`));
  $("line").placeholder = place.has_app ? `Message ${place.direct ? place.name : `#${place.name}`}, or / for commands` : `${state.app.name} is not in this channel: /invite @${state.app.name}`;
}

function drawAside() {
  $("aside").hidden = !thread && !traffic;
  $("reply").hidden = !thread;
  $("aside-title").textContent = traffic ? "Raw traffic" : "Thread";
  if (thread) drawList($("aside-body"), state.messages.filter((one) => one.ts === thread || one.thread_ts === thread), true);
  if (traffic) listing($("aside-body"), [...state.traffic].reverse(), (one) => `${one.at}${one.name}`, drawTraffic);
}

function drawTraffic(one) {
  const bad = typeof one.answer === "string" ? one.answer !== "ok" : one.answer?.ok === false;
  return h("details", { className: `exchange ${bad ? "bad" : ""}` },
    h("summary", {}, h("b", { title: one.direction === "in" ? "App to Slack" : "Slack to app" }, one.direction === "in" ? "→ Slack " : "→ app "), one.name,
      h("span", {}, `${clock(one.at)} · ${one.milliseconds} ms${bad ? ` · ${one.answer.error ?? one.answer}` : ""}`)),
    h("pre", {}, JSON.stringify(one.sent, null, 1)), h("pre", {}, JSON.stringify(one.answer, null, 1)));
}

function drawModal() {
  const dialog = $("modal"), view = state.modals.at(-1);
  if (!view) { dialog.version = null; return dialog.close(); }
  const version = view.id + view.hash;
  if (dialog.version === version && dialog.open) return;
  if (dialog.viewId !== view.id) complaints = {};
  Object.assign(dialog, { version, viewId: view.id });
  const focus = document.activeElement?.dataset?.focus, scroll = dialog.querySelector(".dialog-body")?.scrollTop ?? 0;
  const form = h("form", { noValidate: true, onsubmit: (event) => { event.preventDefault(); submit(view); } },
    h("header", {}, h("h2", { id: "modal-title" }, view.title.text),
      h("button", { type: "button", className: "plain", "aria-label": "Close all", onclick: () => act("close", { view_id: view.id, everything: true }) }, "✕")),
    h("div", { className: "dialog-body blocks" }, drawBlocks(view.blocks, deedOf({ view_id: view.id }, view, { submit: () => form.requestSubmit() }))),
    h("div", { className: "dialog-foot" },
      h("button", { type: "button", className: "button", onclick: () => act("close", { view_id: view.id }) }, view.close?.text ?? (state.modals.length > 1 ? "Back" : "Cancel")),
      view.submit && h("button", { type: "submit", className: "button primary" }, view.submit.text)));
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector(".dialog-body").scrollTop = scroll;
  (focus ? dialog.querySelector(`[data-focus="${CSS.escape(focus)}"]`) : dialog.querySelector("[autofocus]"))?.focus();
}

function draw() {
  if (!state) return;
  if (!channel()) { location.hash = state.channels[0].id; return; }
  for (const part of [drawSide, drawMain, drawAside, drawModal]) part();
}

let fetching = false, again = false;
async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    const answer = await fetch(`/ui/state?as=${me}&channel=${here()}${traffic ? "&traffic" : ""}`);
    if (!answer.ok) throw new Error((await answer.json()).error);
    state = await answer.json();
    draw();
  } catch (error) { toast(`Not live: ${error.message}`); }
  fetching = false;
  if (again) { again = false; refresh(); }
}

function composer(form, field, details) {
  const send = async () => {
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    $("commands").hidden = true;
    const scrolled = form.id === "composer" ? $("messages") : $("aside-body");
    await act("say", { ...details(), text });
    scrolled.scrollTop = scrolled.scrollHeight;
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  });
}

composer($("composer"), $("line"), () => ({ channel: here() }));
composer($("reply"), $("reply-line"), () => ({ channel: here(), thread_ts: thread }));
$("line").addEventListener("input", () => {
  const typed = $("line").value;
  const found = /^\/\S*$/.test(typed) ? (state?.app.commands ?? []).filter((one) => one.name.startsWith(typed)) : [];
  $("commands").replaceChildren(...found.map((one) => h("li", {}, h("button", { type: "button", className: "plain",
    onclick: () => { $("line").value = `${one.name} `; $("commands").hidden = true; $("line").focus(); } }, h("b", {}, one.name), ` ${one.hint}`, h("small", {}, one.description)))));
  $("commands").hidden = !found.length;
});
$("me").addEventListener("change", () => { me = $("me").value; sessionStorage.setItem("me", me); thread = null; location.hash = here().startsWith("D") ? "" : here(); refresh(); });
$("menu").addEventListener("click", () => document.body.classList.toggle("side-open"));
$("main").addEventListener("click", (event) => { if (!event.target.closest("#menu")) document.body.classList.remove("side-open"); });
$("show-traffic").addEventListener("click", () => { traffic = !traffic; thread = null; $("aside-body").replaceChildren(); document.body.classList.remove("side-open"); refresh(); });
$("aside-close").addEventListener("click", () => { thread = null; traffic = false; $("aside-body").replaceChildren(); draw(); });
$("modal").addEventListener("cancel", (event) => { event.preventDefault(); act("close", { view_id: state.modals.at(-1).id }); });
addEventListener("hashchange", async () => {
  document.body.classList.remove("side-open");
  thread = null;
  $("messages").replaceChildren();
  await refresh();
  const place = channel();
  tab = place?.direct && state.app.home ? "home" : "messages";
  if (tab === "home") act("home", { tab });
  draw();
  document.getElementById(`m${(location.hash.split("/")[1] ?? "").replace(/(\d{6})$/, ".$1")}`)?.scrollIntoView();
});
if (asked) sessionStorage.setItem("me", asked);
const live = new EventSource("/ui/live");
live.onmessage = refresh;
live.onerror = () => toast("Not live, trying again");
dispatchEvent(new Event("hashchange"));
