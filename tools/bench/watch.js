// Collects, in window.latencies, the milliseconds from a key press to the decoded new picture, by the page's own
// clock. One explorer is watched at a time, and once: two watchers would count each press twice, and the next press
// would come too early.
explorer => {
    window.unwatch?.();
    const picture = explorer.querySelector("img.course-picture, .course-picture img");
    window.latencies = [];
    let pressed = null;
    const press = () => { pressed = performance.now(); };
    explorer.addEventListener("keydown", press, {capture: true});
    const observer = new MutationObserver(async () => {
        if (pressed === null) return;
        const start = pressed;
        pressed = null;
        await picture.decode();
        window.latencies.push(performance.now() - start);
    });
    observer.observe(picture, {attributes: true, attributeFilter: ["src"]});
    window.unwatch = () => {
        explorer.removeEventListener("keydown", press, {capture: true});
        observer.disconnect();
    };
}
