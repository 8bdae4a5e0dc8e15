"""Lists by cursor."""

from lims.pagination import Found, one_page

__all__ = ["Found", "one_page"]
