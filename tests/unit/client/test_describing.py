"""What functions say of themselves: OpenRPC documents of signatures, annotations, docstrings."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from grip_lambda.client import Context, Image, Resource
from grip_lambda.client.methods import Methods
from grip_lambda.client.writing import written


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Order:
    tea: int
    to: str = "here"


class Place(TypedDict):
    town: str


class Node(pydantic.BaseModel):
    name: str
    children: list[Node] = []


class Box(msgspec.Struct):
    node: Node


def described(function: Any, *, has_context: bool = False) -> Any:
    """Return what is said of one function."""
    document = Methods({"f": function}).describe(has_context=has_context)
    json.dumps(document)
    return document["methods"][0]


def schemas(function: Any) -> dict[str, Any]:
    return {one["name"]: one["schema"] for one in described(function)["params"]}


def add(a: int, b: Annotated[int, "what is added"] = 0) -> int:
    """Add two numbers.

    As one does at school.

    Args:
        a: a number,
            the first one.

    Returns:
        The sum.
    """
    return a + b


def test_a_function_with_everything() -> None:
    assert described(add) == {
        "name": "f",
        "summary": "Add two numbers.",
        "description": "Add two numbers.\n\nAs one does at school.",
        "paramStructure": "either",
        "params": [
            {
                "name": "a",
                "description": "a number, the first one.",
                "required": True,
                "schema": {"type": "integer"},
            },
            {
                "name": "b",
                "description": "what is added",
                "required": False,
                "schema": {"type": "integer", "default": 0},
            },
        ],
        "result": {"name": "result", "description": "The sum.", "schema": {"type": "integer"}},
    }


def test_docstrings_of_sphinx_and_numpy_and_none() -> None:
    def sphinx(a, b):  # type: ignore[no-untyped-def]
        """Do it.

        :param a: the one
        :param b: the other
        """

    def numpy(a):  # type: ignore[no-untyped-def]
        """Do it.

        Parameters
        ----------
        a : int
            the one
        """

    assert [one["description"] for one in described(sphinx)["params"]] == ["the one", "the other"]
    assert described(numpy)["params"][0]["description"] == "the one"
    assert "description" not in described(lambda a: a)
    assert described(functools.partial(add, 1))["summary"] == "Add two numbers."


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (int, {"type": "integer"}),
        (float | None, {"anyOf": [{"type": "number"}, {"type": "null"}]}),
        (list[str], {"type": "array", "items": {"type": "string"}}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (dt.datetime, {"type": "string", "format": "date-time"}),
        (dt.date, {"type": "string", "format": "date"}),
        (Annotated[int, msgspec.Meta(ge=1)], {"type": "integer", "minimum": 1}),
        (Colour, {"$ref": "#/components/schemas/Colour"}),
        (Place, {"$ref": "#/components/schemas/Place"}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Order, {"$ref": "#/components/schemas/Order"}),
        (Any, {}),
        ("Unknown", {}),
        (Context, {}),  # of which nothing is known
    ],
)  # fmt: skip
def test_annotations(annotation: Any, schema: dict[str, Any]) -> None:
    def takes(one: Any, other: int) -> None: ...

    takes.__annotations__["one"] = annotation
    assert schemas(takes)["one"] == schema


def test_models_that_refer_to_others() -> None:
    def grow(node: Node, box: Box, many: list[Node]) -> dict[str, Node]: ...  # type: ignore[empty-body]

    document = Methods({"grow": grow}).describe()
    components = document["components"]["schemas"]
    assert {"Node", "Box"} <= set(components)
    reference = {"$ref": "#/components/schemas/Node"}
    assert components["Node"]["properties"]["children"]["items"] == reference
    text = json.dumps(document)
    assert "$defs" not in text


def test_two_models_of_one_name_are_kept_apart() -> None:
    def make(size: type) -> Any:
        class Inner(pydantic.BaseModel):
            x: size  # type: ignore[valid-type]

        class Outer(pydantic.BaseModel):
            inner: Inner

        return Outer

    def takes(a: Any, b: Any) -> None: ...

    takes.__annotations__.update(a=make(int), b=make(str))
    document = Methods({"f": takes}).describe()
    kinds = []
    for one in document["methods"][0]["params"]:
        name = one["schema"]["properties"]["inner"]["$ref"].rpartition("/")[2]
        kinds.append(document["components"]["schemas"][name]["properties"]["x"]["type"])
    assert kinds == ["integer", "string"]


@pytest.mark.parametrize(
    ("function", "structure", "names"),
    [
        (lambda: 1, "by-name", []),
        (lambda body: body, "by-position", ["body"]),
        (lambda a, b: [a, b], "by-name", ["a", "b"]),
        (lambda a, b=1: [a, b], "either", ["a", "b"]),
        (lambda a, *rest: a, "by-position", ["a"]),
        (lambda *all: all, "by-position", ["body"]),
        (lambda **all: all, "by-name", []),
        (len, "by-position", ["obj"]),
        (max, "by-position", ["body"]),
    ],
)
def test_how_the_body_is_taken(function: Any, structure: str, names: list[str]) -> None:
    said = described(function)
    assert said["paramStructure"] == structure
    assert [one["name"] for one in said["params"]] == names


def test_a_single_parameter_takes_an_object_or_a_bare_value() -> None:
    def order(order: Order) -> None: ...
    def square(n: int) -> None: ...

    assert described(order)["paramStructure"] == "by-position"
    assert described(square)["paramStructure"] == "either"


def test_the_context_is_no_parameter() -> None:
    def told(a: int, b: int, context: Context) -> None: ...

    assert [one["name"] for one in described(told, has_context=True)["params"]] == ["a", "b"]
    assert described(lambda a, b: a, has_context=True)["paramStructure"] == "by-position"


def test_results() -> None:
    def nothing() -> None: ...
    def image() -> Image: ...  # type: ignore[empty-body]
    def steps() -> Iterator[int]:
        yield 1

    async def later() -> Order: ...  # type: ignore[empty-body]

    assert described(nothing)["result"]["schema"] == {"type": "null"}
    assert described(image)["result"]["schema"] == {}
    assert described(steps)["result"]["schema"] == {}
    assert described(later)["result"]["schema"] == {"$ref": "#/components/schemas/Order"}


def test_classes_that_raise_say_nothing_of_themselves() -> None:
    class Odd:
        @classmethod
        def model_json_schema(cls, **given: Any) -> Any:
            raise SystemError("odd")

    class Doc:
        def __call__(self, a: int = 5) -> None:
            """Called."""

        @property
        def __doc__(self) -> str:  # type: ignore[override]
            raise SystemError("odd")

    def takes(odd: Odd, b: int, c: Any = object()) -> None: ...  # noqa: B008

    takes.__annotations__["odd"] = Odd
    assert [one["schema"] for one in described(takes)["params"]] == [{}, {"type": "integer"}, {}]
    assert described(Doc())["params"][0]["name"] == "a"


def test_what_the_functions_are_together() -> None:
    class Shop:
        """Sells tea."""

        def price(self, name: str) -> int:
            return 3

    document = Methods(Shop()).describe()
    assert document["info"] == {"title": "Shop", "version": "1.0.0", "description": "Sells tea."}
    assert document["openrpc"].startswith("1.")
    assert Methods(json).describe()["info"]["title"] == "json"


def test_images_and_files_are_written_as_content() -> None:
    told = json.loads(written([Image(b"\x89PNG"), Resource("file:///a.txt", "hi"), 1]))

    assert told == [
        {"type": "image", "data": "iVBORw==", "mimeType": "image/png"},
        {
            "type": "resource",
            "resource": {"uri": "file:///a.txt", "mimeType": "text/plain", "text": "hi"},
        },
        1,
    ]
    with pytest.raises(ValueError, match="either"):
        Image()


def test_an_image_of_a_file(tmp_path: Any) -> None:
    (tmp_path / "a.jpg").write_bytes(b"jpeg")

    assert Image(path=tmp_path / "a.jpg").mime_type == "image/jpeg"
    assert Image(b"x", format="WEBP").mime_type == "image/webp"
