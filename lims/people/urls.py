from __future__ import annotations

from django.urls import path

from lims.people import key_pages, own_pages, review_pages, views

app_name = "people"
urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/new/", views.enroll, name="enroll"),
    path("people/<str:username>/", views.person, name="person"),
    path("people/<str:username>/<str:act>/", views.upkeep, name="upkeep"),
    path("access/", views.access, name="access"),
    path("access/review/", review_pages.access_review, name="access-review"),
    path("access/review/list/", review_pages.present_list, name="access-list"),
    path("access/review/<int:pk>/list/", review_pages.reviewed_list, name="access-reviewed-list"),
    path("account/", own_pages.account, name="account"),
    path("account/tokens/<int:pk>/end/", own_pages.end_one_token, name="end-token"),
    path("account/password/", own_pages.password, name="password"),
    path("account/factor/", own_pages.factor, name="factor"),
    path("account/keys/", key_pages.keys, name="keys"),
    path("account/keys/new/", key_pages.add_key, name="add-key"),
    path("account/keys/<int:pk>/confirm/", key_pages.confirm_key, name="confirm-key"),
    path("account/keys/<int:pk>/revoke/", key_pages.revoke_key, name="revoke-key"),
    path("account/statement/", own_pages.statement, name="statement"),
]
