// Moves the book's explorers: each position of its sliders has a picture, `i-j.webp`, drawn beforehand.
// Pictures are fetched when an explorer comes near the window, so that a page opens without them.

function settings(explorer) {
  return [...explorer.querySelectorAll("input[type=range], select")];
}

function address(explorer, place) {
  return `${explorer.dataset.frames}${place.join("-")}.webp`;
}

function show(explorer) {
  const place = settings(explorer).map((control) => control.value);
  explorer.querySelector("img").src = address(explorer, place);
}

function say(control) {
  if (!control.matches("input")) return;
  const text = JSON.parse(control.dataset.labels)[control.value];
  control.setAttribute("aria-valuetext", text);
  control.parentElement.querySelector(`output[for="${control.id}"]`).textContent = text;
}

function fetchFrames(explorer) {
  const counts = settings(explorer).map((control) =>
    control.matches("select") ? control.options.length : Number(control.max) + 1);
  let places = [[]];
  for (const count of counts) {
    places = places.flatMap((place) => Array.from({ length: count }, (_, i) => [...place, i]));
  }
  // Kept with the explorer: a picture that nothing holds may be dropped from memory.
  explorer.frames = places.map((place) => {
    const frame = new Image();
    frame.src = address(explorer, place);
    return frame;
  });
}

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      near.unobserve(entry.target);
      fetchFrames(entry.target);
    }
  }
}, { rootMargin: "400px" });

for (const explorer of document.querySelectorAll("figure.explorer")) {
  explorer.classList.add("ready");
  near.observe(explorer);
  for (const control of settings(explorer)) {
    control.addEventListener("input", () => { say(control); show(explorer); });
  }
}
