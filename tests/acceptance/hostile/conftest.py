"""What the hostile suite may ask for."""

from tests.acceptance.hostile.fix_hostile import controls, kept_controls, make_ground, victim

__all__ = ["controls", "kept_controls", "make_ground", "victim"]
