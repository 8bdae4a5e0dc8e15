"""A dry run over REST: example entries in, every result out, nothing kept."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.domain.dry_run import Example
from labeling.models import ProtocolVersion
from labeling.selectors.dry_runs import dry_run_document, entry_rows, example_entries
from labeling.selectors.versions import find_version
from labeling.serializers import DryRunInput
from lims.audit.api import Endpoint
from lims.inputs import read_input


class DryRunApi(Endpoint):
    @extend_schema(request=DryRunInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, code: str, number: int) -> Response:
        """Results from `entries`; without any, from plausible ones, which the answer gives back."""
        version = find_version(ProtocolVersion, code, number)
        assert isinstance(version, ProtocolVersion)
        given = read_input(DryRunInput, request.data).get("entries")
        entries = (
            [Example(**entry) for entry in given]
            if given is not None
            else list(example_entries(version, now=timezone.now()))
        )
        return Response({**dry_run_document(version, entries), "entries": entry_rows(entries)})
