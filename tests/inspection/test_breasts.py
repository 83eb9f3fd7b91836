"""Which pictures are chosen for the sheet that shows the crops."""

from collections import Counter

from birads_zoo.data.placement.breast import Breast
from birads_zoo.inspection.breasts import BreastPicture, choose


def seen(row, side="L", view="CC", width=80, *, right=False, detected=True):
    breast = Breast(x0=0, y0=5, x1=40, y1=90, chest_right=right, detected=detected)
    return BreastPicture(
        row=row, path=f"{row}.png", patient="", side=side, view=view, height=100, width=width, breast=breast
    )


def test_every_size_side_and_view_is_shown_and_odd_pictures_come_first():
    common = [seen(row) for row in range(200)]
    rare = [seen(300, view="MLO"), seen(301, side="R", right=True), seen(302, width=60)]
    odd = [seen(400, right=True), seen(401, detected=False)]
    chosen = choose([*common, *rare, *odd], 12)
    rows = [picture.row for picture in chosen]
    assert rows == sorted(rows)
    assert {300, 301, 302, 400, 401} <= set(rows)
    assert len(set(rows)) == 12
    assert chosen == choose([*common, *rare, *odd], 12), "the choice is the same each time"


def test_odd_pictures_are_at_most_a_third_if_there_are_others():
    chosen = choose([seen(row, right=row < 100) for row in range(200)], 30)
    assert Counter(picture.mirrored for picture in chosen) == {True: 10, False: 20}
    assert (
        Counter(picture.mirrored for picture in choose([seen(row, right=row < 100) for row in range(104)], 30))[False]
        == 4
    )


def test_fewer_pictures_than_requested_are_all_shown():
    assert [picture.row for picture in choose([seen(4), seen(2), seen(9, right=True)], 60)] == [2, 4, 9]
    assert choose([], 60) == ()
