"""The windows of an image that are evaluated, as they follow from sizes alone; needs no torch."""

View = tuple[int, int, bool]  # the window's first row and column, and whether it is mirrored


def ten_crop_views(room: int, *, mirror: bool) -> list[View]:
    """The centre and the four corners, and their mirrors unless labels do not survive one (Boin's "oversampling").

    Args:
        room: how many pixels smaller the window is than the image. With one pixel or none, some of these windows are
            the same, and each counts once.
    """
    middle = room // 2
    windows = dict.fromkeys([(middle, middle), (0, 0), (0, room), (room, 0), (room, room)])
    return [(top, left, flip) for flip in ((False, True) if mirror else (False,)) for top, left in windows]


def window_side(image_size: int, share: float) -> int:
    """The window's side in pixels: 60 for 64-pixel images and a share of 0.9375."""
    return max(1, round(image_size * share))
