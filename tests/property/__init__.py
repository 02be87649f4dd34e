"""What must hold for any input, searched by hypothesis."""

import pytest

pytest.register_assert_rewrite("tests.property.life", "tests.property.teller")
