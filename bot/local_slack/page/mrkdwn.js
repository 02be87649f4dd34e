// Slack's text: mrkdwn, mentions, links, dates and emoji shortcodes, as DOM nodes (never as HTML).
import { h } from "./dom.js";

const EMOJI = Object.fromEntries(`white_check_mark ✅|heavy_check_mark ✔️|x ❌|warning ⚠️|clock3 🕒|hourglass ⌛|hourglass_flowing_sand ⏳
|large_green_circle 🟢|large_yellow_circle 🟡|large_orange_circle 🟠|red_circle 🔴|large_blue_circle 🔵|large_purple_circle 🟣
|white_circle ⚪|black_circle ⚫|rocket 🚀|eyes 👀|tada 🎉|email 📧|envelope ✉️|iphone 📱|speech_balloon 💬|bar_chart 📊
|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|arrow_forward ▶️|octagonal_sign 🛑|black_square_for_stop ⏹️
|double_vertical_bar ⏸️|lock 🔒|unlock 🔓|key 🔑|information_source ℹ️|bulb 💡|wave 👋|package 📦|page_facing_up 📄|file_folder 📁
|inbox_tray 📥|outbox_tray 📤|mag 🔍|gear ⚙️|bell 🔔|no_bell 🔕|repeat 🔁|arrows_counterclockwise 🔄|clock1 🕐|calendar 📅
|no_entry ⛔|no_entry_sign 🚫|question ❓|exclamation ❗|construction 🚧|memo 📝|link 🔗|pushpin 📌|busts_in_silhouette 👥|bust_in_silhouette 👤
|test_tube 🧪|vertical_traffic_light 🚦|traffic_light 🚥|railway_track 🛤️|fire 🔥|thumbsup 👍|+1 👍|-1 👎|heart ❤️|smile 😄|zzz 💤|wastebasket 🗑️`
  .split("|").map((pair) => pair.trim().split(" ")));

const INLINE = new RegExp([
  "`([^`\\n]+)`", "<([^<>\\n]+)>", "(?<![\\w*])\\*(\\S(?:[^*\\n]*\\S)?)\\*(?![\\w*])", "(?<!\\w)_(\\S(?:[^_\\n]*\\S)?)_(?!\\w)",
  "(?<![\\w~])~(\\S(?:[^~\\n]*\\S)?)~(?![\\w~])", ":([a-z0-9_+-]+):", "(https?://[^\\s<>|]+[^\\s<>|.,;:!?)\\]'\"])",
].join("|"), "g");

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
export const emoji = (name) => EMOJI[name] ?? `:${name}:`;
const withEmoji = (text) => unescape(text).replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name));

/** A link, if its scheme is one that a link may have. */
export function link(url, label) {
  if (!/^(https?|mailto|tel):/i.test(url)) return label;
  return h("a", { href: url, target: "_blank", rel: "noreferrer" }, label);
}

/** The text of a Slack text object as nodes; `names` gives the names of people and channels by id. */
export function drawText(object, names) {
  if (object.type === "plain_text") return lines(withEmoji(object.text), (line) => [line]);
  if (object.type !== "mrkdwn") throw new Error(`text of type ${object.type}`);
  return mrkdwn(object.text, names);
}

export function mrkdwn(text, names) {
  return text.split(/```\n?([\s\S]*?)\n?```\n?/).flatMap((part, index) =>
    index % 2 ? [h("pre", {}, unescape(part))] : quoted(part, names));
}

function quoted(text, names) {
  const nodes = [];
  for (const run of text.split(/((?:^(?:&gt;|>).*(?:\n|$))+)/m)) {
    if (!run) continue;
    if (!/^(&gt;|>)/.test(run)) { nodes.push(...lines(run, (line) => inline(line, names))); continue; }
    const inner = run.replace(/\n$/, "").split("\n").map((line) => line.replace(/^(&gt;|>) ?/, "")).join("\n");
    nodes.push(h("blockquote", {}, lines(inner, (line) => inline(line, names))));
  }
  return nodes;
}

function lines(text, draw) {
  return text.split("\n").flatMap((line, index) => index ? [h("br"), ...draw(line)] : draw(line));
}

function inline(text, names) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    const [all, code, angle, bold, italic, strike, shortcode, url] = found;
    nodes.push(unescape(text.slice(from, found.index)));
    from = found.index + all.length;
    if (code) nodes.push(h("code", {}, unescape(code)));
    else if (angle) nodes.push(special(angle, names));
    else if (bold) nodes.push(h("b", {}, inline(bold, names)));
    else if (italic) nodes.push(h("i", {}, inline(italic, names)));
    else if (strike) nodes.push(h("s", {}, inline(strike, names)));
    else if (url) nodes.push(link(unescape(url), unescape(url)));
    else nodes.push(emoji(shortcode));
  }
  nodes.push(unescape(text.slice(from)));
  return nodes;
}

/** What stands between angle brackets: a mention, a date, or a link. */
function special(inner, names) {
  const [target, label] = inner.split(/\|(.*)/s);
  const mention = (text) => h("span", { className: "mention" }, text);
  if (target.startsWith("@")) return mention(`@${names[target.slice(1)] ?? label ?? target.slice(1)}`);
  if (target.startsWith("#")) return mention(`#${names[target.slice(1)] ?? label ?? target.slice(1)}`);
  if (target.startsWith("!date^")) return date(target.split("^").slice(1), label);
  if (target.startsWith("!")) return mention(label || `@${target.slice(1).split("^")[0]}`);
  return link(unescape(target), withEmoji(label ?? unescape(target).replace(/^(mailto|tel):/, "")));
}

const day = (value) => new Date(value).setHours(0, 0, 0, 0);
const shown = (options) => (at) => new Intl.DateTimeFormat("en-GB", options).format(at);
const DATES = {
  date_num: (at) => `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`,
  date: shown({ day: "numeric", month: "long", year: "numeric" }),
  date_short: shown({ day: "numeric", month: "short", year: "numeric" }),
  date_long: shown({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
  time: shown({ hour: "2-digit", minute: "2-digit" }),
  time_secs: shown({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
};
const PRETTY = { 0: "today", 1: "yesterday", [-1]: "tomorrow" };

/** A `!date` token in the reader's own time zone; its fallback when it can't be read. */
function date([seconds, format, url], fallback) {
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime()) || !format) return fallback ?? "";
  const text = format.replace(/\{(\w+?)(_pretty)?\}/g, (token, name, pretty) => {
    if (!DATES[name]) return token;
    const near = PRETTY[Math.round((day(Date.now()) - day(at)) / 86400000)];
    return pretty && near ? near : DATES[name](at);
  });
  return h("time", { dateTime: at.toISOString(), title: fallback }, url ? link(url, text) : text);
}
