"""Checks of the installation, as findings that name the step: doctor's deep look, and health's at each moment."""
