// Collects, in window.latencies, the milliseconds from a key press or a pointer's move to the decoded new picture, by the
// page's own clock; and in window.bytes the sizes of these pictures. One explorer is watched at a time, and once: two
// watchers would count each press twice, and the next press would come too early.
explorer => {
    window.unwatch?.();
    const page = explorer.querySelector(".course-page:not([hidden])");
    const picture = explorer.querySelector("img.course-picture");
    Object.assign(window, { latencies: [], bytes: [] });
    let pressed = null;
    const press = () => { pressed = performance.now(); };
    const kinds = ["keydown", "pointermove"];
    kinds.forEach(kind => explorer.addEventListener(kind, press, {capture: true}));
    const observer = new MutationObserver(async () => {
        // The crisp picture follows the quick one of the same press.
        if (pressed === null || (!page && picture.dataset.quick === "false")) return;
        const start = pressed;
        pressed = null;
        if (!page) await picture.decode().catch(() => null);
        window.latencies.push(performance.now() - start);
        window.bytes.push(page ? new Blob([page.innerHTML]).size : (await (await fetch(picture.src)).blob()).size);
    });
    if (page) observer.observe(page, {childList: true, subtree: true});
    else observer.observe(picture, {attributes: true, attributeFilter: ["src"]});
    window.unwatch = () => {
        kinds.forEach(kind => explorer.removeEventListener(kind, press, {capture: true}));
        observer.disconnect();
    };
}
