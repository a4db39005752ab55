"""The page Discord: who is linked, roles that wait, differ or are parked, and what is off."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from console.decorators import page, render
from discord.roles import guild, overview, reading


@page("syncs.view_syncjob")
def shown(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "console/discord.html",
        "Discord",
        why_off=overview.why_off(),
        guild=overview.guild(),
        counts=overview.counts(),
        limits=overview.limits(),
        mapped=overview.mapped(),
        parked=overview.parked(),
        drifted=overview.drifted(),
        links=overview.links(),
        may=request.user.has_perm("console.sync"),
    )


@page("console.sync")
def read(request: HttpRequest) -> HttpResponse:
    """Have all members read within a minute."""
    if request.method == "POST":
        reading.want()
        messages.success(request, "The members are read within a minute.")
    return redirect("console:discord")


@page("console.sync")
def retry(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        count = guild.retry_parked()
        messages.success(request, f"The roles of {count:,} accounts are tried again.")
    return redirect("console:discord")


urls = [
    path("discord/", shown, name="discord"),
    path("discord/read/", read, name="discord-read"),
    path("discord/retry/", retry, name="discord-retry"),
]
