"""Everything that is kept: tables, migrations, and one repository for each kind of record."""
