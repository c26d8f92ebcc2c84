"""What schemathesis cannot know from the document alone."""

import os
import re
import uuid

import schemathesis

# Rules that the document tells in words: a value that its schema allows may still be refused for them.
TOLD_IN_WORDS = re.compile(r"^(code|phone|email|metadata|subject\.(ip|shown_at)|Idempotency-Key)")


@schemathesis.check
def valid_data_is_not_called_invalid(ctx, response, case):
    """What fits the schema may be refused for what it says, but not for its form."""
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    # No text takes NUL, which PostgreSQL cannot keep; a schema could say so only by a pattern at every field.
    if not is_valid or response.status_code not in (400, 413, 415, 422) or r"\x00" in repr((case.body, case.query)):
        return
    problem = response.json()
    fields = [error["field"] for error in problem.get("errors", [])]
    by_form = problem["code"] in ("malformed_request", "validation_failed")
    if by_form and not (fields and all(TOLD_IN_WORDS.match(field) for field in fields)):
        raise AssertionError(f"called {problem['code']} for {fields}, though it fits the schema")


@schemathesis.hook
def map_case(context, case):
    """With one key for all, every request after the first would be refused as another one under the same key."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(r"[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    if is_valid and isinstance(case.body, dict) and "id_hash" in case.body:
        one_contact(case.body)
    return case


def one_contact(body):
    """The document says in words that one of the two is needed: by chance it is mostly none or both."""
    if "phone" in body and "email" in body:
        del body["email"]
    elif "email" not in body:
        body.setdefault("phone", "+7 916 123-45-67")


if os.environ.get("FUZZ_ONLY_INVALID_BODIES"):

    @schemathesis.hook
    def filter_case(context, case):
        """Leaves out what costs an attempt rightly, whatever else is wrong with the request."""
        body = case.body
        code = body.get("code") if isinstance(body, dict) and set(body) == {"code"} else None
        return not (isinstance(code, str) and re.fullmatch(r"[0-9]{6}", code))
