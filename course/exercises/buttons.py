"""Buttons under a verdict: the next hint, and the worked solution."""

import ipywidgets as widgets


def panel(exercise, has_passed):
    """The buttons, and below them the hints that were given so far.

    Who has not passed is asked once before the solution is shown. What is shown is gone when the notebook
    is opened again, as every widget is.

    Args:
        exercise: Exercise.
        has_passed: True: only the solution is offered, to compare with.
    Returns:
        a widget.
    """
    shown = widgets.Output()
    hint, solution = (widgets.Button(layout=widgets.Layout(width="auto")) for _ in range(2))
    solution.description = "Compare with the worked solution" if has_passed else "Worked solution"

    def show(note):
        shown.append_display_data(note)

    def name_the_hint():
        given, count = exercise.hints_given, len(exercise.hints)
        hint.description = f"Hint {given + 1} of {count}" if given < count else "No more hints"
        hint.disabled = given == count

    def on_hint(_):
        show(exercise.hint())
        name_the_hint()

    def on_solution(_):
        if has_passed or solution.button_style:
            solution.description, solution.button_style, solution.disabled = "Worked solution", "", True
            show(exercise.solution())
        else:
            solution.description, solution.button_style = "Show the solution? Press again", "warning"

    hint.on_click(on_hint)
    solution.on_click(on_solution)
    name_the_hint()
    if not has_passed:
        for number in range(exercise.hints_given):
            show(exercise.numbered_hint(number))
    return widgets.VBox([widgets.HBox([solution] if has_passed else [hint, solution]), shown])
