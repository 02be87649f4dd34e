// Building blocks of the page: elements, lists that change only where they must, menus.

/** An element with properties, listeners (`onclick`) and children; strings become text. */
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Make the children of `parent` those of `items`; what did not change keeps its node, its focus and its text. */
export function listing(parent, items, key, draw) {
  const present = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let before = null;
  for (const item of items) {
    const id = String(key(item)), version = JSON.stringify(item);
    let node = present.get(id);
    if (!node || node.version !== version) {
      const made = Object.assign(draw(item), { version });
      made.dataset.key = id;
      if (node) node.replaceWith(made);
      node = made;
    }
    present.delete(id);
    const place = before ? before.nextSibling : parent.firstChild;
    if (place !== node) parent.insertBefore(node, place);
    before = node;
  }
  for (const node of present.values()) node.remove();
}

/** A menu under a button: entries are [label, action]. Esc and a click elsewhere close it. */
export function menu(button, entries) {
  document.querySelector(".menu")?.remove();
  const list = h("div", { className: "menu", role: "menu" }, entries.map(([label, act]) =>
    h("button", { type: "button", role: "menuitem", onclick: () => { close(); act(); } }, label)));
  const items = [...list.children];
  const close = () => { list.remove(); document.removeEventListener("pointerdown", outside); button.focus(); };
  const outside = (event) => { if (!list.contains(event.target)) close(); };
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    if (event.key === "Escape") close();
    if (step || event.key === "Escape") { event.preventDefault(); event.stopPropagation(); }
  });
  (button.closest("dialog") ?? document.body).append(list);
  const box = button.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, innerWidth - list.offsetWidth - 8));
  const below = box.bottom + list.offsetHeight + 8 < innerHeight;
  Object.assign(list.style, { left: `${left}px`, top: `${below ? box.bottom + 4 : box.top - list.offsetHeight - 4}px` });
  document.addEventListener("pointerdown", outside);
  items[0]?.focus();
}
