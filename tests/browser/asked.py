"""What several browser tests ask of a page, in its own language."""

from __future__ import annotations

# A CSS pixel is for rounding: letters are drawn on whole ones.
_CROPPED = """() => [...document.querySelectorAll('%s')].flatMap(svg => {
    const all = svg.getBoundingClientRect()
    return [...svg.querySelectorAll('text')].filter(text => {
        const box = text.getBoundingClientRect()
        return box.left < all.left - 1 || box.right > all.right + 1 ||
               box.top < all.top - 1 || box.bottom > all.bottom + 1
    }).map(text => text.textContent)
})"""


def cropped(pictures: str) -> str:
    """Return what finds the words that stand outside of their picture; pictures: a CSS selector of SVGs."""
    return _CROPPED % pictures
