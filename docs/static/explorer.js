// Moves the book's explorers: each position of the controls has a picture, `i-j.webp`, drawn beforehand, see
// tools/frames.py. Pictures are fetched when an explorer comes near the window, so that a page opens without them.

const SIDEWAYS = 8; // pixels that a finger goes to the side before it moves an explorer: it may be about to scroll

class Explorer {
  constructor(figure) {
    this.figure = figure;
    Object.assign(this, JSON.parse(figure.dataset.moves)); // start, inner, play, pace, panels
    this.controls = [...figure.querySelectorAll("input[type=range], select")];
    this.counts = this.controls.map(control => control.options?.length ?? Number(control.max) + 1);
    this.place = this.controls.map(control => Number(control.value));
    this.picture = figure.querySelector(".explorer-picture");
    this.key = figure.querySelector("img");
    // What differs from the key frame of its row lies over it.
    this.over = Object.assign(new Image(), { alt: "", decoding: "sync", className: "explorer-over" });
    this.button = figure.querySelector(".explorer-play");
    this.button?.addEventListener("click", () => this.turn(!this.timer));
    this.controls.forEach((control, i) => control.addEventListener("input", () => {
      this.turn(false);
      this.set({ [i]: Number(control.value) });
    }));
    this.follow();
    figure.classList.add("ready");
  }

  address(place) {
    return `${this.figure.dataset.frames}${place.join("-")}.webp`;
  }

  fetch() {
    let places = [[]];
    for (const count of this.counts) {
      places = places.flatMap(place => Array.from({ length: count }, (_, i) => [...place, i]));
    }
    // Kept: a picture that nothing holds may be dropped from memory.
    this.frames = places.map(place => Object.assign(new Image(), { src: this.address(place) }));
  }

  set(values) {
    for (const [i, value] of Object.entries(values)) {
      if (value === null || value === this.place[i]) continue;
      const control = this.controls[i];
      this.place[i] = value;
      control.value = value;
      if (control.options) continue;
      const text = JSON.parse(control.dataset.labels)[value];
      control.setAttribute("aria-valuetext", text);
      control.parentElement.querySelector("output").textContent = text;
    }
    this.key.src = this.address(this.place.with(this.inner, this.start[this.inner]));
    if (this.place[this.inner] === this.start[this.inner]) return this.over.remove();
    this.over.src = this.address(this.place);
    if (!this.over.parentNode) this.picture.append(this.over);
  }

  turn(on) {
    clearTimeout(this.timer);
    this.timer = null;
    if (!this.button) return;
    this.button.textContent = on ? "❚❚ Pause" : "▶ Play";
    if (on) this.step(this.place[this.play] === this.counts[this.play] - 1 ? 0 : this.place[this.play] + 1);
  }

  step(value) {
    if (value === this.counts[this.play]) return this.turn(false);
    this.set({ [this.play]: value });
    this.timer = setTimeout(() => this.step(value + 1), this.pace);
  }

  // The pointer in the picture: as in a notebook where it moves a panel, else to and fro.
  follow() {
    let panel = null, down = false, begin = 0;
    const move = event => {
      const frame = this.picture.getBoundingClientRect();
      const [x, y] = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
      const within = ({ box: [left, top, width, height] }) => [(x - left) / width, (y - top) / height];
      const inside = each => within(each).every(side => side >= 0 && side < 1);
      panel ??= this.panels.find(inside) ?? (this.panels.length ? null : { box: [0, 0, 1, 1], moves: this.sideways });
      if (!panel) return;
      this.turn(false);
      const place = within(panel).map(side => Math.min(Math.max(side, 0), 0.9999));
      const at = table => {
        const row = table[Math.floor(place[1] * table.length)];
        return row[Math.floor(place[0] * row.length)];
      };
      this.set(Object.fromEntries(Object.entries(panel.moves).map(([i, table]) => [i, at(table)])));
    };
    if (this.play !== null) this.sideways = { [this.play]: [Array.from({ length: this.counts[this.play] }, (_, i) => i)] };
    if (!this.panels.length && !this.sideways) return;
    this.picture.classList.add("moves");
    const start = event => {
      if (event.button) return;
      event.preventDefault();
      this.picture.setPointerCapture(event.pointerId);
      [down, panel, begin] = [true, null, event.clientX];
      if (event.pointerType === "mouse") move(event);
    };
    const end = event => {
      if (down && event.type === "pointerup") move(event);
      down = false;
    };
    this.picture.addEventListener("pointerdown", start);
    this.picture.addEventListener("pointermove", event => {
      if (event.pointerType === "mouse" || Math.abs(event.clientX - begin) >= SIDEWAYS) begin = -Infinity;
      if (down && begin === -Infinity) move(event);
    });
    for (const name of ["pointerup", "pointercancel"]) this.picture.addEventListener(name, end);
  }
}

const near = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      near.unobserve(entry.target);
      entry.target.explorer.fetch();
    }
  }
}, { rootMargin: "400px" });

for (const figure of document.querySelectorAll("figure.explorer")) {
  figure.explorer = new Explorer(figure);
  near.observe(figure);
}
