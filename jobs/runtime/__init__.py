"""How our processes start, wait, restart their children and end; knows no database, no job and no web."""
