"""The types of mless: what a proxy, a server of functions and their runtimes tell each other.

Each is a structure with the JSON names of the original; ``decode`` checks a text and says where it
is wrong, ``encode`` writes one. What stands between is not ours to change: members that a type does
not know are passed on, and events and results are kept as the bytes that they came in.

Source: the Go package ``lambda`` of mless v0.0.6, whose ``ReqeustBilling`` is spelt properly here;
its JSON names are the same. The members of ``Identity`` and ``ClientClient`` are those that AWS
Lambda's own runtimes know.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NewType, Protocol, Self, get_args

import msgspec

from ..errors import BadRequest
from . import jsontext

#: A JSON text, as it was sent.
Json = NewType("Json", bytes)
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Duration = Annotated[float, msgspec.Meta(ge=0)]
_Texts = dict[str, str]


class Type(msgspec.Struct, frozen=True, kw_only=True):
    """What the types have in common.

    Attributes:
        others: the members that the type does not know, as JSON texts.
    """

    #: Members that are left out where they are None or False.
    optional: ClassVar[frozenset[str]] = frozenset()

    others: Mapping[str, bytes] = {}

    @classmethod
    def decode(cls, text: bytes, where: str = "") -> Self:
        """Read a JSON object; a member that is null counts as absent.

        Args:
            where: what the text is called in messages; the name of the type if empty.

        Raises:
            BadRequest: it is none, or a member is of another type.
        """
        try:
            members = jsontext.members(text)
        except ValueError:
            raise BadRequest(f"{where or f'a {cls.__name__}'} must be a JSON object") from None
        known = _fields(cls)
        values: dict[str, Any] = {}
        for name, (field, kind) in known.items():
            raw = members.pop(name, b"null")
            if raw != b"null":
                values[field] = _value(kind, raw, f"{where}.{name}" if where else name)
        return cls(others=members, **values)

    def encode(self) -> bytes:
        """Return it as a JSON object."""
        members = [
            (name, _text(value))
            for name, (field, _) in _fields(type(self)).items()
            if not ((value := getattr(self, field)) is None or value is False)
            or field not in self.optional
        ]
        return b"{%b}" % b",".join(
            b"%b:%b" % (jsontext.encode_string(name), text)
            for name, text in [*members, *self.others.items()]
        )


class Identity(Type, frozen=True, kw_only=True):
    """Who calls, as Amazon Cognito knows them."""

    optional = frozenset({"cognito_identity_id", "cognito_identity_pool_id"})

    cognito_identity_id: str | None = msgspec.field(name="cognitoIdentityId", default=None)
    cognito_identity_pool_id: str | None = msgspec.field(name="cognitoIdentityPoolId", default=None)


class ClientClient(Type, frozen=True, kw_only=True):
    """The program that calls."""

    optional = frozenset(
        {
            "installation_id",
            "app_title",
            "app_version_name",
            "app_version_code",
            "app_package_name",
        }
    )

    installation_id: str | None = None
    app_title: str | None = None
    app_version_name: str | None = None
    app_version_code: str | None = None
    app_package_name: str | None = None


class ClientContext(Type, frozen=True, kw_only=True):
    """What a caller says about itself.

    Attributes:
        custom: whatever it wants to.
        env: its surroundings, like its locale.
    """

    optional = frozenset({"client", "custom", "env"})

    client: ClientClient | None = None
    custom: _Texts | None = None
    env: _Texts | None = None


class Context(Type, frozen=True, kw_only=True):
    """What a function is told about its invocation.

    Attributes:
        aws_request_id: the id of the invocation.
        invoked_function_arn: what was called.
    """

    aws_request_id: str = ""
    client_context: ClientContext | None = None
    identity: Identity | None = None
    invoked_function_arn: str = ""


class HostContext(Context, frozen=True, kw_only=True):
    """The context as a host gets it.

    Attributes:
        deadline: when the caller stops waiting, in ms since 1970.
        env: the environment that the request brought along.
    """

    deadline: _Int64 = 0
    env: _Texts = {}


class RequestBilling(Type, frozen=True, kw_only=True):
    """What an invocation took.

    Attributes:
        duration: in ms.
        memory: the memory that was there, in words; None where the host does not say.
        used: the memory that was used, in MB; None where the host does not say.
    """

    optional = frozenset({"memory", "used"})

    duration: _Duration = 0.0
    memory: str | None = None
    used: _Int64 | None = None


class InvokeRequest(Type, frozen=True, kw_only=True):
    """An invocation, as a runtime gets it; ``deadline`` is in ms since 1970."""

    context: Context = Context()
    event: Json = Json(b"null")
    deadline: _Int64 = 0


class InvokeReply(Type, frozen=True, kw_only=True):
    """How an invocation ended.

    Attributes:
        result: what the function returned, or its error.
        errortype: the type of the error; empty if there is none.
        invokeid: the id of the invocation.
        errors: whether ``result`` is an error.
        billing: what it took.
        logs: lines that the function wrote; not in the original.
    """

    optional = frozenset({"errors", "logs"})

    result: Json = Json(b"null")
    errortype: str = ""
    invokeid: str = ""
    errors: bool = False
    billing: RequestBilling = RequestBilling()
    logs: list[str] | None = None


class ProxyRequest(Type, frozen=True, kw_only=True):
    """An invocation, as a proxy passes it to a server of functions.

    Attributes:
        remaining: how many ms there are left; 0 for not given.
        env: the environment for this invocation.
    """

    context: Context = Context()
    remaining: _Int64 = 0
    env: _Texts = {}
    event: Json = Json(b"null")


class StartupRequest(Type, frozen=True, kw_only=True):
    """What a runtime is sent first: here the ``open`` message, whose params its members are.

    Attributes:
        id: the lambda's id.
        details: the object beside it.
    """

    id: str = ""
    details: Json = Json(b"null")


class StartupResponse(Type, frozen=True, kw_only=True):
    """The answer of a runtime that is ready: here the host's answer to ``open``.

    What else a host may say, like ``methods`` or ``context``, is among the ``others``.
    """

    ok: bool = False


class Invoker(Protocol):
    """What runs a function, wherever that is; in charge of how the request gets there."""

    def invoke(self, event: Any, context: Context, deadline: int) -> bytes:
        """Invoke the function.

        Args:
            event: any value that can be written as JSON.
            deadline: when to give up, in ms since 1970.

        Returns:
            The result, a JSON text.

        Raises:
            GripLambdaError: it failed, or did not answer in time; each invoker says with what.
        """
        ...


@functools.cache
def _fields(cls: type[Type]) -> dict[str, tuple[str, Any]]:
    """Return the fields of a type and their types, by their JSON names."""
    return {
        one.encode_name: (one.name, one.type)
        for one in msgspec.structs.fields(cls)
        if one.name != "others"
    }


def _value(kind: Any, raw: bytes, where: str) -> Any:
    if isinstance(kind, types.UnionType):  # with None, which a null has become already
        kind = get_args(kind)[0]
    if kind is Json:
        return raw
    if isinstance(kind, type) and issubclass(kind, Type):
        return kind.decode(raw, where)
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{where}: {error}") from None
    except (msgspec.MsgspecError, RecursionError):
        raise BadRequest(f"{where} can't be read as text") from None


def _text(value: Any) -> bytes:
    if isinstance(value, Type):
        return value.encode()
    return value if isinstance(value, bytes) else msgspec.json.encode(value)
