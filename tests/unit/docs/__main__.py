"""Write the generated parts of the documents again, as `make docs` does before it builds the site."""

from tests.unit.docs.generated import write_pages

write_pages()
