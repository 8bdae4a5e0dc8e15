"""The REST interface at a glance: every resource under /api/v1/ and the view that answers."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView

from labeling.api import (
    batches,
    bench,
    calibration_certificates,
    comparison,
    containers,
    deviations,
    downtime,
    instruments,
    labels,
    materials,
    nuclides,
    restating,
    samples,
    stock,
    trail,
    training,
    versions,
)
from labeling.api.dry_run import DryRunApi
from labeling.api.formulas import FormulaApi
from labeling.models import SpecificationVersion
from lims.accounts.api import MeApi, TokenApi, TokensApi
from lims.oversight.api import AcknowledgementApi, AlarmsApi, HealthApi, OperationsApi, SiteApi, StateApi
from lims.people import api as people
from lims.records.api import DocumentApi, DocumentContentApi, VerifyApi
from lims.reference import reference
from qc import api as qc

BATCH = "batches/<str:number>/"
SHEET = "downtime-sheets/<str:number>/"
CONTAINER = "containers/<int:container_id>/"


def version_routes(prefix: str, **model: object) -> list[object]:
    version = f"{prefix}/<str:code>/versions/<int:number>/"
    acts = ("submit", "approve", "make-effective", "retire")
    return [
        path(f"{prefix}/", versions.VersionsApi.as_view(**model)),
        path(f"{prefix}/<str:code>/", versions.CodeApi.as_view(**model)),
        path(f"{prefix}/<str:code>/compare/", comparison.ComparisonApi.as_view(**model)),
        path(version, versions.VersionApi.as_view(**model)),
        *(path(f"{version}{act}/", versions.VersionActApi.as_view(act=act, **model)) for act in acts),
    ]


urlpatterns = [
    path("tokens/", TokensApi.as_view()),
    path("tokens/current/", TokenApi.as_view()),
    path("tokens/<int:token_id>/", TokenApi.as_view()),
    path("me/", MeApi.as_view()),
    path("me/statement/", people.StatementApi.as_view()),
    path("people/", people.PeopleApi.as_view()),
    path("people/<str:username>/", people.PersonApi.as_view()),
    *(path(f"people/<str:username>/{act}/", people.UpkeepApi.as_view(act=act)) for act in people.ACTS),
    path("access/", people.AccessApi.as_view()),
    path("access/accounts/", people.AccountsApi.as_view()),
    path("access/reviews/", people.AccessReviewsApi.as_view()),
    path("access/reviews/<int:review_id>/", people.AccessReviewApi.as_view()),
    path("site/", SiteApi.as_view()),
    path("health/", HealthApi.as_view()),
    path("health/details/", StateApi.as_view()),
    path("alarms/", AlarmsApi.as_view()),
    path("alarms/<int:alarm_id>/acknowledge/", AcknowledgementApi.as_view()),
    path("schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs/", reference, name="docs"),
    *version_routes("protocols"),
    *version_routes("specifications", model=SpecificationVersion),
    path("protocols/<str:code>/versions/<int:number>/dry-run/", DryRunApi.as_view()),
    path("protocols/<str:code>/versions/<int:number>/master-record/", comparison.MasterRecordApi.as_view()),
    path("downtime-sheets/", downtime.SheetsApi.as_view()),
    path(SHEET, downtime.SheetApi.as_view()),
    path(f"{SHEET}void/", downtime.VoidApi.as_view()),
    path(f"{SHEET}scans/", downtime.ScansApi.as_view()),
    path(f"{SHEET}scans/<int:scan_id>/", downtime.ScanContentApi.as_view()),
    path(f"{SHEET}transfer/", downtime.TransferApi.as_view()),
    path(f"{SHEET}stand-in/", downtime.StandInApi.as_view()),
    path(f"{SHEET}reconcile/", downtime.ReconciliationApi.as_view()),
    path("nuclides/", nuclides.NuclidesApi.as_view()),
    path("nuclides/<str:code>/", nuclides.NuclideApi.as_view()),
    path("nuclides/<str:code>/adopt/", nuclides.AdoptionApi.as_view()),
    path("training/", training.TrainingsApi.as_view()),
    path("training/<int:training_id>/", training.TrainingApi.as_view()),
    path("training/<int:training_id>/withdraw/", training.WithdrawalApi.as_view()),
    path("lots/", stock.LotsApi.as_view()),
    path("lots/<int:lot_id>/", stock.LotApi.as_view()),
    path("lots/<int:lot_id>/accept/", stock.LotDecisionApi.as_view()),
    path("lots/<int:lot_id>/reject/", stock.LotDecisionApi.as_view(accept=False)),
    path("lots/<int:lot_id>/certificates/", materials.CertificatesApi.as_view()),
    path("certificates/<int:certificate_id>/content/", materials.CertificateContentApi.as_view()),
    path("lots/<int:lot_id>/surveys/", materials.SurveysApi.as_view()),
    path("lots/<int:lot_id>/withdrawals/", materials.WithdrawalsApi.as_view()),
    path("lots/<int:lot_id>/genealogy/", materials.LotGenealogyApi.as_view()),
    path("containers/", containers.ContainersApi.as_view()),
    path(CONTAINER, containers.ContainerApi.as_view()),
    path(f"{CONTAINER}activity/", containers.ContainerActivityApi.as_view()),
    path(f"{CONTAINER}readings/", containers.ContainerReadingsApi.as_view()),
    path(f"{CONTAINER}transfers/", containers.ContainerTransfersApi.as_view()),
    path(f"{CONTAINER}events/<int:event_id>/correct/", containers.ContainerCorrectionApi.as_view()),
    path(f"{CONTAINER}used-up/", containers.ContainerUsedUpApi.as_view()),
    path(f"{CONTAINER}storage/", containers.ContainerStorageApi.as_view()),
    path(f"{CONTAINER}surveys/", containers.ContainerSurveyApi.as_view()),
    path("labels/<str:thing>/<str:key>/", labels.LabelApi.as_view()),
    path("inventory/", containers.InventoryApi.as_view()),
    path("sources/", instruments.SourcesApi.as_view()),
    path("equipment/", instruments.InstrumentsApi.as_view()),
    *(path(f"equipment/<str:code>/{part}", view.as_view()) for part, view in instruments.PARTS.items()),
    path(
        "equipment/<str:code>/calibrations/<int:calibration_id>/certificate/",
        calibration_certificates.CalibrationCertificateApi.as_view(),
    ),
    path("equipment/<str:code>/restatements/", restating.RestatementsApi.as_view()),
    path("equipment/<str:code>/restatements/preview/", restating.PreviewApi.as_view()),
    path("equipment/<str:code>/restatements/<int:pk>/", restating.RestatementApi.as_view()),
    path("deviations/", deviations.DeviationsApi.as_view()),
    path("batches/", batches.BatchesApi.as_view()),
    path(BATCH, qc.BatchApi.as_view()),
    path(f"{BATCH}start/", batches.StartApi.as_view()),
    path(f"{BATCH}complete/", batches.CompleteApi.as_view()),
    path(f"{BATCH}hold/", batches.HoldApi.as_view()),
    path(f"{BATCH}resume/", batches.HoldApi.as_view(resume=True)),
    path(f"{BATCH}entries/", batches.EntriesApi.as_view()),
    path(f"{BATCH}entries/<int:entry_id>/correct/", batches.CorrectionApi.as_view()),
    path(f"{BATCH}entries/<int:entry_id>/verify/", batches.EntryVerificationApi.as_view()),
    path(f"{BATCH}steps/verify/", batches.StepsVerificationApi.as_view()),
    path(f"{BATCH}steps/<str:step>/verify/", batches.StepVerificationApi.as_view()),
    path(f"{BATCH}scans/", bench.ScansApi.as_view()),
    path(f"{BATCH}discards/", bench.DiscardsApi.as_view()),
    path(f"{BATCH}line-clearance/", bench.ClearanceApi.as_view()),
    path(f"{BATCH}line-clearance/verify/", bench.ClearanceApi.as_view(verified=True)),
    path(f"{BATCH}dispatches/", bench.DispatchesApi.as_view()),
    path(f"{BATCH}timers/", batches.TimersApi.as_view()),
    path(f"{BATCH}deviations/", deviations.ReportApi.as_view()),
    path(f"{BATCH}deviations/<int:deviation_id>/assess/", deviations.AssessmentApi.as_view()),
    path(f"{BATCH}test-results/", qc.ResultsApi.as_view()),
    path(f"{BATCH}test-results/<int:result_id>/review/", qc.ReviewApi.as_view()),
    path(f"{BATCH}test-results/<int:result_id>/investigation/", qc.InvestigationApi.as_view()),
    path(f"{BATCH}disposition/", qc.DispositionApi.as_view()),
    path(f"{BATCH}documents/", qc.RecordsApi.as_view()),
    path(f"{BATCH}package/", qc.PackageApi.as_view()),
    path(f"{BATCH}genealogy/", materials.BatchGenealogyApi.as_view()),
    path(f"{BATCH}balance/", containers.BalanceApi.as_view()),
    path(f"{BATCH}history/", batches.HistoryApi.as_view()),
    path(f"{BATCH}history/print/", trail.TrailPrintApi.as_view()),
    path(f"{BATCH}audit-review/", trail.AuditReviewApi.as_view()),
    path("documents/verify/", VerifyApi.as_view()),
    path("documents/<int:document_id>/", DocumentApi.as_view()),
    path("documents/<int:document_id>/content/", DocumentContentApi.as_view()),
    path("audit/samples/", samples.SamplesApi.as_view()),
    path("audit/samples/<int:sample_id>/", samples.SampleApi.as_view()),
    path("audit/samples/<int:sample_id>/review/", samples.PeriodReviewApi.as_view()),
    path("audit/operations/", OperationsApi.as_view()),
    path("audit/exceptions/", trail.ExceptionsApi.as_view()),
    path("audit/reasons/", trail.ReasonsApi.as_view()),
    path("audit/exports/", trail.ExportsApi.as_view()),
    path("signing/", qc.SigningApi.as_view()),
    path("refusals/", qc.RefusalsApi.as_view()),
    path("formulas/<str:name>/", FormulaApi.as_view()),
]
