// Block Kit as DOM nodes. One bad block shows itself as bad and leaves the others alone.
import { h, menu } from "./dom.js";
import { drawText, emoji, link } from "./mrkdwn.js";

/** Draw blocks. `deed` says what interactive elements do: act, suggest, keep, answer, confirm, names, complaints. */
export function drawBlocks(blocks, deed) {
  return blocks.map((block) => {
    try {
      const draw = BLOCKS[block.type];
      return draw ? draw(block, deed) : unknown("block", block);
    } catch (error) {
      return unknown(`block that can't be drawn (${error.message})`, block);
    }
  });
}

function unknown(what, part) {
  return h("details", { className: "unknown" }, h("summary", {}, `Unknown ${what}: ${part?.type ?? "no type"}`),
    h("pre", {}, JSON.stringify(part, null, 1)));
}

const BLOCKS = {
  header: (block, deed) => h("h2", { className: "b-header" }, drawText(block.text, deed.names)),
  divider: () => h("hr"),
  section: (block, deed) => h("div", { className: "b-section" },
    h("div", { className: "b-main" },
      block.text && h("div", {}, drawText(block.text, deed.names)),
      block.fields && h("div", { className: "b-fields" }, block.fields.map((field) => h("div", {}, drawText(field, deed.names))))),
    block.accessory && h("div", { className: "b-accessory" }, drawElement(block, block.accessory, deed))),
  context: (block, deed) => h("div", { className: "b-context" }, block.elements.map((element) =>
    element.type === "image" ? picture(element) : h("span", {}, drawText(element, deed.names)))),
  actions: (block, deed) => h("div", { className: "b-actions" }, block.elements.map((element) => drawElement(block, element, deed))),
  image: (block) => h("figure", {}, block.title && h("figcaption", {}, block.title.text), picture(block)),
  alert: (block, deed) => h("div", { className: `b-alert ${block.level ?? "default"}` }, drawText(block.text, deed.names)),
  input: (block, deed) => {
    const complaint = deed.complaints?.[block.block_id];
    return h("div", { className: "b-input", role: "group", "aria-label": block.label.text },
      h("div", { className: "b-label" }, block.label.text, block.optional && h("i", {}, " (optional)")),
      drawElement(block, block.element, deed),
      block.hint && h("div", { className: "b-hint" }, drawText(block.hint, deed.names)),
      complaint && h("div", { className: "b-complaint", role: "alert" }, complaint));
  },
  rich_text: (block, deed) => h("div", { className: "b-rich" }, block.elements.map((element) => richPart(element, deed))),
};

/** An image of this machine; of others only the words, since this page asks nobody else for anything. */
function picture(element) {
  const ours = (element.image_url ?? "").startsWith(`${location.origin}/`);
  return ours ? h("img", { src: element.image_url, alt: element.alt_text, title: element.alt_text })
    : h("span", { className: "no-image" }, `Image: ${element.alt_text}`);
}

function richPart(part, deed) {
  const inner = () => part.elements.map((element) => richInline(element, deed));
  if (part.type === "rich_text_section") return h("p", {}, inner());
  if (part.type === "rich_text_quote") return h("blockquote", {}, inner());
  if (part.type === "rich_text_preformatted") return h("pre", {}, inner());
  if (part.type === "rich_text_list") {
    return h(part.style === "ordered" ? "ol" : "ul", { start: part.offset ? part.offset + 1 : undefined, className: `indent-${part.indent ?? 0}` },
      part.elements.map((element) => h("li", {}, richPart(element, deed))));
  }
  return unknown("rich text", part);
}

function richInline(element, deed) {
  const draw = {
    text: () => element.text, link: () => link(element.url, element.text ?? element.url), emoji: () => emoji(element.name),
    user: () => h("span", { className: "mention" }, `@${deed.names[element.user_id] ?? element.user_id}`),
    channel: () => h("span", { className: "mention" }, `#${deed.names[element.channel_id] ?? element.channel_id}`),
    broadcast: () => h("span", { className: "mention" }, `@${element.range}`),
    date: () => new Date(element.timestamp * 1000).toLocaleString("en-GB"),
  }[element.type];
  if (!draw) return unknown("rich text element", element);
  const tags = { bold: "b", italic: "i", strike: "s", code: "code" };
  return Object.entries(tags).reduce((node, [style, tag]) => element.style?.[style] ? h(tag, {}, node) : node, draw());
}

function drawElement(block, element, deed) {
  const draw = ELEMENTS[element.type];
  if (!draw) return unknown("element", element);
  const present = deed.answer(block, element);
  // Keep the answer, and tell the app unless the element only fills a form.
  const choose = async (answer) => {
    if (element.confirm && !(await deed.confirm(element.confirm))) return deed.redraw();
    deed.keep(block, element, answer);
    if (block.type !== "input" || block.dispatch_action) deed.act(block, element, answer);
  };
  const node = draw(element, present, choose, deed, block);
  node.dataset.focus = `${block.block_id}/${element.action_id}`;
  if (element.focus_on_load) node.autofocus = true;
  return node;
}

const text = (object) => object?.text?.replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name)) ?? "";
const label = (element, block) => block.label?.text ?? element.placeholder?.text ?? element.type.replaceAll("_", " ");
const values = (element, options) => options.map((option) => h("option", { value: option.value }, text(option.text)));

function selectOne(options) {
  return (element, present, choose, deed, block) => {
    const select = h("select", { "aria-label": label(element, block), onchange: () => choose(select.value) },
      h("option", { value: "" }, text(element.placeholder) || "Choose an option"),
      typeof options === "function" ? values(element, options(deed)) : (element.options ? values(element, element.options)
        : element.option_groups.map((group) => h("optgroup", { label: group.label.text }, values(element, group.options)))));
    select.value = present ?? "";
    return select;
  };
}

function selectSeveral(options) {
  return (element, present, choose, deed, block) => {
    const all = options ? options(deed) : element.options ?? element.option_groups.flatMap((group) => group.options);
    const chosen = new Set(present ?? []);
    const names = all.filter((option) => chosen.has(option.value)).map((option) => text(option.text)).join(", ");
    const summary = h("summary", {}, names || text(element.placeholder) || "Choose options");
    return h("details", { className: "several" }, summary, ticks("checkbox", element, all, chosen, choose));
  };
}

function ticks(type, element, options, chosen, choose) {
  const name = crypto.randomUUID();
  return h("div", { className: "ticks" }, options.map((option) => h("label", {},
    h("input", { type, name, checked: chosen.has(option.value), onchange: (event) => {
      if (type === "radio") return choose(option.value);
      event.target.checked ? chosen.add(option.value) : chosen.delete(option.value);
      choose(options.map((one) => one.value).filter((value) => chosen.has(value)));
    } }),
    h("span", {}, drawText(option.text, {}), option.description && h("small", {}, drawText(option.description, {}))))));
}

function typed(type) {
  return (element, present, choose, deed, block) => {
    const field = h(element.multiline ? "textarea" : "input", {
      type: element.multiline ? undefined : type, value: present ?? "", placeholder: element.placeholder?.text ?? "",
      maxLength: element.max_length, rows: element.multiline ? 4 : undefined, "aria-label": label(element, block),
      oninput: () => deed.keep(block, element, field.value),
      onkeydown: (event) => {
        if (event.key !== "Enter" || element.multiline || event.isComposing) return;
        event.preventDefault();
        block.dispatch_action ? choose(field.value) : deed.submit?.();
      },
    });
    return field;
  };
}

function picked(type, read = (value) => value, write = (value) => value) {
  return (element, present, choose, deed, block) => {
    return h("input", { type, value: present ? write(present) : "", "aria-label": label(element, block), onchange: (event) => choose(read(event.target.value)) });
  };
}

/** An external select: what is typed goes to the app, its options come back. */
function suggested(element, present, choose, deed, block) {
  const options = h("div", { className: "suggestions", hidden: true });
  const search = async () => {
    if (field.value.length < (element.min_query_length ?? 3)) { options.hidden = true; return; }
    const found = await deed.suggest(block, element, field.value);
    const offered = found.options ?? (found.option_groups ?? []).flatMap((group) => group.options);
    options.replaceChildren(...(offered.length ? offered.map((option) => h("button", { type: "button", onclick: () => {
      field.value = text(option.text); options.hidden = true; choose(option);
    } }, text(option.text))) : [h("p", {}, "No result")]));
    options.hidden = false;
  };
  let pause;
  const field = h("input", { type: "search", value: text(present?.text), placeholder: text(element.placeholder), "aria-label": label(element, block),
    oninput: () => { clearTimeout(pause); pause = setTimeout(search, 200); },
    onfocus: search, onkeydown: (event) => { if (event.key === "Escape") options.hidden = true; } });
  return h("div", { className: "suggested" }, field, options);
}

const people = (deed) => deed.people.map((one) => ({ value: one.id, text: { text: one.name } }));
const channels = (deed) => deed.channels.filter((one) => !one.direct).map((one) => ({ value: one.id, text: { text: `#${one.name}` } }));
const everywhere = (deed) => [...channels(deed), ...people(deed)];
const local = (seconds) => new Date(seconds * 1000 - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16);

const ELEMENTS = {
  button: (element, _, choose) => {
    const tag = element.url ? "a" : "button";
    return h(tag, { className: `button ${element.style ?? ""}`, type: element.url ? undefined : "button", href: element.url, target: element.url && "_blank",
      rel: element.url && "noreferrer", "aria-label": element.accessibility_label, onclick: () => choose() }, text(element.text));
  },
  overflow: (element, _, choose) => h("button", { type: "button", className: "button overflow", "aria-label": "More actions", "aria-haspopup": "menu",
    onclick: (event) => menu(event.currentTarget, element.options.map((option) => [text(option.text), () => {
      if (option.url) open(option.url, "_blank", "noreferrer");
      choose(option.value);
    }])) }, "⋯"),
  static_select: selectOne(), users_select: selectOne(people), channels_select: selectOne(channels), conversations_select: selectOne(everywhere),
  multi_static_select: selectSeveral(), multi_users_select: selectSeveral(people), multi_channels_select: selectSeveral(channels),
  multi_conversations_select: selectSeveral(everywhere),
  external_select: suggested,
  checkboxes: (element, present, choose) => ticks("checkbox", element, element.options, new Set(present ?? []), choose),
  radio_buttons: (element, present, choose) => ticks("radio", element, element.options, new Set([present]), choose),
  plain_text_input: typed("text"), email_text_input: typed("email"), url_text_input: typed("url"), number_input: typed("number"),
  datepicker: picked("date"), timepicker: picked("time"),
  datetimepicker: picked("datetime-local", (value) => Math.floor(new Date(value).getTime() / 1000), local),
  image: (element) => picture(element),
};
