import pytest

from srnet.io.fingerprint import fingerprint

SEARCH = '''"""Doc."""
from pkg.engine import kernels
from .errors import Wrong

def run():
    from pkg import extra
    return extra
'''
MODULES = {
    "__init__.py": "",
    "errors.py": "class Wrong(Exception): ...",
    "search.py": SEARCH,
    "extra.py": "VALUE = 1\n",
    "other.py": "VALUE = 1\n",
    "engine/__init__.py": "",
    "engine/kernels.py": "from . import tables\n",
    "engine/tables.py": "SIZE = 3\n",
    "look.style": "font: 7\n",
}


@pytest.fixture
def package(tmp_path):
    package = tmp_path / "pkg"
    for name, text in MODULES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return package


@pytest.mark.parametrize(
    "module", ["search.py", "extra.py", "engine/kernels.py", "engine/tables.py"]
)
def test_changed_code_changes_it_however_it_is_imported(package, module):
    before = fingerprint("search.py", package=package)
    (package / module).write_text(f"{MODULES[module]}\nNEW = 1\n")
    assert fingerprint("search.py", package=package) != before


@pytest.mark.parametrize("module", ["other.py", "errors.py", "look.style"])
def test_what_is_not_used_or_computes_nothing_does_not_count(package, module):
    before = fingerprint("search.py", package=package)
    (package / module).write_text("NEW = 1\n")
    assert fingerprint("search.py", package=package) == before


def test_comments_docstrings_and_layout_do_not_count(package):
    before = fingerprint("search.py", package=package)
    text = (
        MODULES["search.py"]
        .replace("Doc.", "Other words.")
        .replace("return extra", "\n    # why\n    return (extra)")
    )
    (package / "search.py").write_text(text)
    assert fingerprint("search.py", package=package) == before


def test_a_module_that_moves_changes_nothing(package):
    before = fingerprint("search.py", package=package)
    (package / "deeper").mkdir()
    (package / "deeper" / "extra.py").write_text(MODULES["extra.py"])
    (package / "extra.py").unlink()
    (package / "search.py").write_text(
        SEARCH.replace("from pkg import extra", "from pkg.deeper import extra")
    )
    assert fingerprint("search.py", package=package) == before
    (package / "deeper" / "extra.py").write_text("VALUE = 2\n")
    assert fingerprint("search.py", package=package) != before


def test_the_same_name_of_another_module_counts(package):
    (package / "search.py").write_text("from pkg.one import value\nfrom pkg.two import other\n")
    (package / "one.py").write_text("value, other = 1, 1\n")
    (package / "two.py").write_text("value, other = 2, 2\n")
    before = fingerprint("search.py", package=package)
    (package / "search.py").write_text("from pkg.two import value\nfrom pkg.one import other\n")
    assert fingerprint("search.py", package=package) != before


def test_modules_can_be_left_out(package):
    options = {"without": ["extra.py"], "package": package}
    before = fingerprint("search.py", **options)
    (package / "extra.py").write_text("VALUE = 2\n")
    assert fingerprint("search.py", **options) == before


def test_files_that_are_no_code_count_as_they_are(package):
    before = fingerprint("look.style", package=package)
    (package / "look.style").write_text("font: 8\n")
    assert fingerprint("look.style", package=package) != before


def test_a_missing_module_is_an_error(package):
    with pytest.raises(FileNotFoundError):
        fingerprint("nowhere.py", package=package)
