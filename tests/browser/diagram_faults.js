// What is wrong in the diagram that the page shows: a text for each fault.
() => {
    const svg = document.documentElement, faults = [];
    const [width, height] = [svg.width.baseVal.value, svg.height.baseVal.value];
    const name = element => element.textContent.trim() || element.getAttribute("d");
    const all = selector => Array.from(svg.querySelectorAll(selector));
    const boxes = new Map(all("text").map(text => {
        const {left, right, top, bottom} = text.getBoundingClientRect();
        return [text, {left, right, top, bottom}];
    }));
    // A point of the page lies in a form's area.
    const holds = (form, x, y) => form.isPointInFill(new DOMPoint(x, y).matrixTransform(form.getScreenCTM().inverse()));
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    const forms = all(".data, .weight, .op, .loss, .plain").map(group => group.firstElementChild);

    for (const [text, box] of boxes) {
        if (Math.min(box.left, box.top) < 8 || box.right > width - 8 || box.bottom > height - 8)
            faults.push(`leaves the picture: ${name(text)}`);
        for (const [other, its] of boxes)
            if (text !== other && text.compareDocumentPosition(other) & 4 && meet(box, its))
                faults.push(`on another text: ${name(text)}, ${name(other)}`);
        const own = text.closest(".data, .weight, .op, .loss, .plain")?.firstElementChild;
        const corners = [[box.left, box.top], [box.right, box.top], [box.left, box.bottom], [box.right, box.bottom]];
        if (own && !corners.every(([x, y]) => holds(own, x, y))) faults.push(`leaves its form: ${name(text)}`);
        for (const form of forms)
            if (form !== own && meet(box, form.getBoundingClientRect()))
                faults.push(`on another's form: ${name(text)}`);
    }
    for (const path of all(".arrow, .line")) {
        const whole = path.getTotalLength(), points = [], matrix = path.getScreenCTM();
        for (let length = 3; length <= whole; length += 1.5) points.push(path.getPointAtLength(length));
        points.push(path.getPointAtLength(whole));
        const places = points.map(point => point.matrixTransform(matrix));
        for (const [text, box] of boxes)
            if (places.some(({x, y}) => x > box.left + 1 && x < box.right - 1 && y > box.top + 1 && y < box.bottom - 1))
                faults.push(`an arrow crosses: ${name(text)}, ${name(path)}`);
        // A thin line may run over forms; of a path of several pieces the first point is not known.
        const single = path.getAttribute("d").split("M").length === 2;
        if (single && !path.classList.contains("faint"))
            for (const form of forms)
                if (places.some(({x, y}) => holds(form, x, y)))
                    faults.push(`an arrow in a form: ${name(form.parentElement)}, ${name(path)}`);
    }
    return faults;
}
