"""Line icons drawn for this course on a 24-unit grid, as inline SVG.

They replace the theme's FontAwesome (half a megabyte of script and a quarter of fonts).
"""

PATHS = {
    "menu": '<path d="M4 7h16M4 12h16M4 17h10"/>',
    "contents": '<path d="M9 6h11M9 12h11M9 18h11"/><path d="M4.5 6h.01M4.5 12h.01M4.5 18h.01"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6"/><path d="m15 15 5 5"/>',
    "sun": '<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7'
    'M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4"/>',
    "moon": '<path d="M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7Z"/>',
    "auto": '<circle cx="12" cy="12" r="8"/><path d="M12 4v16a8 8 0 0 0 0-16Z" '
    'fill="currentColor"/>',
    "left": '<path d="m14.5 5-7 7 7 7"/>',
    "right": '<path d="m9.5 5 7 7-7 7"/>',
    "up": '<path d="m5 14.5 7-7 7 7"/>',
    "play": '<path d="M7 4.8v14.4L19 12Z"/>',
    "download": '<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/>',
    "flag": '<path d="M6 21V4h11.5l-2.2 4 2.2 4H6"/>',
    "question": '<path d="M8.5 9a3.5 3.5 0 1 1 5.2 3c-1.2.7-1.7 1.3-1.7 2.6"/>'
    '<path d="M12 18.4h.01"/>',
    "target": '<circle cx="12" cy="12" r="8"/><circle cx="12" cy="12" r="3.2"/>',
    "clock": '<circle cx="12" cy="12" r="8"/><path d="M12 7.5V12l3 2"/>',
    "eye": '<path d="M3 12c2.4-4 5.4-6 9-6s6.6 2 9 6c-2.4 4-5.4 6-9 6s-6.6-2-9-6Z"/>'
    '<circle cx="12" cy="12" r="2.6"/>',
    "hazard": '<path d="M12 4 3 20h18Z"/><path d="M12 10v4.5M12 17.2h.01"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "cross": '<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>',
    "pencil": '<path d="m4.5 19.5 1-4L16 5l3 3L8.5 18.5Z"/><path d="m14 7 3 3"/>',
    "link": '<path d="M8 16 16.5 7.5M9.5 7h7.5v7.5"/>',
}


def icon(name: str) -> str:
    """The icon called `name` as SVG; decorative, so hidden from assistive technology."""
    return (
        '<svg class="cp-icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" '
        f'focusable="false">{PATHS[name]}</svg>'
    )
