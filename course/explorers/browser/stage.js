// The browser's half of an explorer, see stage.py: its picture, the pointer on it, play, and crispness at rest.

const REST = 160; // milliseconds without a new picture, after which the crisp one is asked for
const INK = 0.08; // width of a pen's line on the spot, of the panel's width; Python's picture replaces it

function make(parent, tag, name, settings = {}) {
  const element = parent.appendChild(document.createElement(tag));
  element.className = name;
  return Object.assign(element, settings);
}

function initialize({ model }) {
  model.send({ kind: "hello" });
}

function render({ model, el }) {
  el.classList.add("course-stage");
  const bar = make(el, "div", "course-bar");
  const place = make(el, "div", "course-place");
  const [width, height] = model.get("size");
  Object.assign(place.style, { width: `${width}px`, aspectRatio: `${width} / ${height}` });
  // It comes into the page with its first file: without one, Chromium may leave it out of the layout for good.
  const image = Object.assign(new Image(width, height), { className: "course-picture", draggable: false });
  const page = make(el, "div", "course-page", { hidden: true });
  const looks = make(page, "div", ""), text = make(page, "div", "");
  let resting = null, address = null;

  // One message is under way at a time. What waits is joined: of a moving pointer the last place counts, of a pen all.
  const waiting = [];
  let busy = false;
  function ask(message) {
    const last = waiting.at(-1);
    if (last?.kind === "touch" && message.kind === "touch" && last.panel === message.panel) waiting.pop();
    if (last?.kind === "ink" && message.kind === "ink" && !message.start) last.points.push(...message.points);
    else waiting.push(message);
    next();
  }
  function next() {
    if (busy || waiting.length === 0) return;
    busy = true;
    model.send(waiting.shift());
  }

  // ipywidgets gives the handle of a slider no name.
  function nameSliders() {
    for (const handle of el.closest(".course-explorer")?.querySelectorAll("[role=slider]:not([aria-label])") ?? []) {
      const label = handle.closest(".widget-inline-hbox")?.querySelector(".widget-label");
      if (label) handle.setAttribute("aria-label", label.textContent);
    }
  }

  function show(message, bytes) {
    place.hidden = false;
    page.hidden = true;
    image.alt = [model.get("alt"), message.said].filter(Boolean).join(" ");
    image.dataset.quick = message.quick;
    const old = address;
    address = image.src = URL.createObjectURL(new Blob([bytes], { type: message.type }));
    if (!image.parentNode) place.prepend(image);
    if (old) setTimeout(() => URL.revokeObjectURL(old), 1000);
    if (!pens.some(pen => pen.down)) pens.forEach(pen => pen.clear());
    clearTimeout(resting);
    if (message.quick) resting = setTimeout(() => model.send({ kind: "rest" }), REST);
  }

  function write(html) {
    const all = () => [...page.querySelectorAll("[data-set]")];
    const focused = all().indexOf(document.activeElement), scrolled = text.firstElementChild?.scrollTop;
    place.hidden = true;
    page.hidden = false;
    const fresh = make(document.createElement("div"), "div", "", { innerHTML: html });
    const styles = [...fresh.querySelectorAll("style")].map(style => (style.remove(), style.outerHTML)).join("");
    if (looks.innerHTML !== styles) looks.innerHTML = styles; // a style that stays keeps the fonts that it has loaded
    text.replaceChildren(...fresh.childNodes);
    for (const part of all()) {
      if ("letter" in part.dataset) continue; // a control reaches it too, and text that takes the focus cannot be selected
      part.tabIndex = 0;
      if (part.tagName !== "BUTTON") part.setAttribute("role", "button");
    }
    all()[focused]?.focus({ preventScroll: true });
    if (scrolled) text.firstElementChild.scrollTop = scrolled;
  }
  const choose = event => {
    const part = event.target.closest("[data-set]");
    if (!part || (event.type === "keydown" && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    ask({ kind: "set", values: JSON.parse(part.dataset.set) });
  };
  page.addEventListener("click", choose);
  page.addEventListener("keydown", choose);

  // Play: the next step is asked for when the last one is there.
  let play = null, playing = false, asked = 0;
  const pace = model.get("pace");
  const step = start => {
    asked = performance.now();
    ask({ kind: "play", start });
  };
  function turn(on) {
    if (!play || on === playing) return;
    playing = on;
    play.textContent = on ? "❚❚ Pause" : "▶ Play";
    if (on) step(true);
  }
  if (pace) play = make(bar, "button", "course-play", { type: "button", textContent: "▶ Play" });
  play?.addEventListener("click", () => turn(!playing));
  if (model.get("hint")) make(bar, "span", "course-hint", { textContent: model.get("hint") });
  bar.hidden = bar.childElementCount === 0;

  // The panels that the pointer reaches lie over the picture.
  const pens = [];
  for (const { name, kind, box: [left, top, wide, high] } of model.get("panels")) {
    const panel = make(place, "div", "course-panel");
    const percent = fraction => `${100 * fraction}%`;
    Object.assign(panel.style, { left: percent(left), top: percent(top), width: percent(wide), height: percent(high) });
    panel.dataset.panel = name;
    const where = event => {
      const frame = image.getBoundingClientRect();
      return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    };
    const pen = kind === "ink" ? makePen(panel) : null;
    if (pen) pens.push(pen);
    let down = false;
    const move = (event, start) => {
      const [x, y] = where(event);
      if (pen) {
        pen.draw(event, start);
        ask({ kind: "ink", panel: name, start, points: [[x, y]] });
      } else ask({ kind: "touch", panel: name, x, y });
    };
    panel.addEventListener("pointerdown", event => {
      if (event.button) return;
      event.preventDefault();
      panel.setPointerCapture(event.pointerId);
      turn(false);
      down = true;
      if (pen) pen.down = true;
      move(event, true);
    });
    panel.addEventListener("pointermove", event => {
      if (!down) return;
      const passed = pen ? (event.getCoalescedEvents?.() ?? []) : [];
      (passed.length ? passed : [event]).forEach(each => move(each, false));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      panel.addEventListener(end, () => {
        down = false;
        if (pen) pen.down = false;
      });
    }
  }

  const hear = (message, buffers) => {
    nameSliders();
    if (message.kind === "frame") show(message, buffers[0]);
    else if (message.kind === "page") write(message.html);
    else if (message.kind === "done") {
      busy = false;
      next();
      if (message.more === false) turn(false);
      else if (message.more && playing) setTimeout(() => playing && step(false), Math.max(0, pace - (performance.now() - asked)));
    }
  };
  model.on("msg:custom", hear);
  model.send({ kind: "rest" }); // the first picture of this view
  return () => {
    model.off("msg:custom", hear);
    clearTimeout(resting);
    playing = false;
  };
}

// Ink at once, before Python has drawn it.
function makePen(panel) {
  const canvas = make(panel, "canvas", "");
  const context = canvas.getContext("2d");
  let last = null;
  return {
    down: false,
    draw(event, start) {
      const frame = panel.getBoundingClientRect();
      if (start) {
        if (canvas.width !== Math.round(frame.width)) Object.assign(canvas, { width: frame.width, height: frame.height });
        last = null;
      }
      const here = [event.clientX - frame.left, event.clientY - frame.top];
      Object.assign(context, { lineWidth: INK * frame.width, lineCap: "round", lineJoin: "round", strokeStyle: "#222" });
      context.beginPath();
      context.moveTo(...(last ?? here));
      context.lineTo(...here);
      context.stroke();
      last = here;
    },
    clear() {
      context.clearRect(0, 0, canvas.width, canvas.height);
    },
  };
}

export default { initialize, render };
