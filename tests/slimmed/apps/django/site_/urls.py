from django.contrib import admin
from django.http import JsonResponse
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext
from ships.models import Ship


def ships(request):
    return JsonResponse({"ships": list(Ship.objects.order_by("name").values_list("name", flat=True))})


def hello(request, language):
    with translation.override(language):
        return JsonResponse({"yes": gettext("Yes"), "monday": gettext("Monday")})


urlpatterns = [path("ships", ships), path("hello/<language>", hello), path("admin/", admin.site.urls)]
