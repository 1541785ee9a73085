"""How a journey class becomes a Django model. SEMANTICS 1 (names), 6 (unknown types), 9 (subclasses); DESIGN 5."""

import warnings

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import models

from stepper_motor import AlreadyOnJourney, DefinitionError, InvalidState, State, StepperMotorError, cancel_if, step
from stepper_motor.django import Journey, JourneyManager, JourneyQuerySet
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Course(Journey[Customer]):
    @step
    def lesson(self): ...


class MusicCourse(Course):
    @step
    def concert(self): ...


class Named(Journey[Customer]):
    type_name = "a name of its own"

    @step
    def lesson(self): ...


class HeirOfNamed(Named): ...


class Guided(Journey[Customer]):
    """What several classes share."""

    class Meta:
        abstract = True

    @step
    def greet(self): ...

    def guide(self):
        return "Vergil"


class Ascent(Guided):
    @step
    def climb(self): ...


class LoyalQuerySet(JourneyQuerySet):
    def loyal(self):
        return self.filter(key="loyal")


class Loyal(Journey[Customer]):
    objects = JourneyManager.from_queryset(LoyalQuerySet)()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "journey of the loyal"

    @step
    def thank(self): ...


def of_unknown_type(customer):
    journey = Course.start(customer)
    models.QuerySet.update(Journey._base_manager.filter(pk=journey.pk), type="gone.Class")
    return Journey.objects.get(pk=journey.pk)


def test_the_type_is_the_label_of_the_app_and_the_name_of_the_class(customer):
    assert Drip.start(customer).type == "shop.Drip"
    assert PaymentJourney.start(Payment.objects.create()).type == "shop.PaymentJourney"


def test_or_what_the_class_says_for_itself_alone(customer):
    assert Named.start(customer).type == "a name of its own"
    assert HeirOfNamed.start(customer).type != "a name of its own"
    assert type(Journey.objects.get(type="a name of its own")) is Named


def test_every_journey_is_loaded_as_what_it_is(customer):
    course, music, drip = Course.start(customer), MusicCourse.start(customer), Drip.start(customer)
    assert [type(journey) for journey in Journey.objects.order_by("pk")] == [Course, MusicCourse, Drip]
    assert [type(journey) for journey in Journey._base_manager.order_by("pk")] == [Course, MusicCourse, Drip]
    assert type(Course.objects.get(pk=music.pk)) is MusicCourse
    drip.pause()
    entry = Journey.History.objects.select_related("journey").get()
    assert type(entry.journey) is Drip
    assert type(Journey.History.objects.get().journey) is Drip
    assert course.steps.names == ("lesson",)


def test_a_class_lists_its_own_journeys_and_those_of_its_subclasses(customer):
    Course.start(customer)
    MusicCourse.start(customer)
    Drip.start(customer)
    counts = {cls: cls.objects.count() for cls in (Journey, Course, MusicCourse, Drip, Named)}
    assert counts == {Journey: 3, Course: 2, MusicCourse: 1, Drip: 1, Named: 0}
    assert MusicCourse.objects.order_by("pk").first() in Course.objects.all()


def test_a_class_without_journeys_of_its_own_is_derived_from(customer):
    with pytest.raises(StepperMotorError, match="Guided itself can't be started"):
        Guided.start(customer)
    journey = Ascent.start(customer)
    assert (journey.guide(), Ascent.steps.names) == ("Vergil", ("greet", "climb"))
    assert Guided.objects.get() == journey
    assert Ascent._meta.db_table == "stepper_motor_journeys"


def test_query_methods_and_a_meta_of_your_own(customer):
    first, second = Loyal.start(customer, key="loyal"), Loyal.start(customer)
    Drip.start(customer, key="loyal")
    assert Loyal.objects.loyal().ready().get() == first
    assert list(Loyal.objects.all()) == [second, first]
    assert Loyal._meta.verbose_name == "journey of the loyal"


@pytest.mark.parametrize("manager", [models.Manager(), JourneyManager.from_queryset(models.QuerySet)(), "no manager"])
def test_a_manager_that_is_no_manager_of_journeys_is_an_error(manager):
    with pytest.raises(DefinitionError, match=r"write objects = JourneyManager\.from_queryset\(YourQuerySet\)\(\)"):
        type("Managed", (Journey,), {"__module__": __name__, "objects": manager})


def test_an_unknown_type_is_visible_and_breaks_no_listing(customer):
    gone, known = of_unknown_type(customer), Drip.start(customer)
    assert type(gone) is Journey
    assert list(Journey.objects.order_by("pk")) == [gone, known]
    assert list(Journey.objects.ready().for_hero(customer).order_by("pk")) == [gone, known]
    assert str(gone) == f"gone.Class {gone.pk} (ready)"
    assert gone.hero == customer
    assert not Course.objects.exists()


def test_nobody_performs_it_but_people_may_end_it(customer):
    gone = of_unknown_type(customer)
    assert gone.perform_next_step() is None
    assert (gone.explain().step, gone.explain().known) == ("lesson", False)
    with pytest.raises(InvalidState, match=r"use jump_to\(\) with the name of a step"):
        gone.skip()
    gone.pause("who knows it?")
    assert Journey.objects.paused().cancel() == (1, 0, 0)
    gone.refresh_from_db()
    assert gone.state is State.CANCELED


def test_a_class_that_is_defined_again_replaces_the_earlier_one(customer):
    def define(name):
        class Reloaded(Journey[Customer]):
            only = step(lambda self: None, name=name)

        return Reloaded

    with warnings.catch_warnings(action="error"):
        journey = define("old").start(customer)
        later = define("new")
    assert type(Journey.objects.get(pk=journey.pk)) is later
    with pytest.raises(AlreadyOnJourney):
        later.start(customer)


def test_two_classes_can_not_have_one_type_name():
    with pytest.raises(DefinitionError, match=r"both have the type name 'shop\.Drip'"):

        class AnotherDrip(Journey[Customer]):
            type_name = "shop.Drip"

    assert Drip.registry.find("shop.Drip") is Drip


@pytest.mark.parametrize(
    "name",
    ["delete", "check", "data", "finish", "save", "hero", "state", "history", "steps", "id", "pk", "key", "clean"],
)
def test_a_step_that_hides_a_member_is_an_error_that_points_at_name(name):
    with pytest.raises(DefinitionError, match=rf"hides .*{name}.*: call it otherwise, and keep .* by name='{name}'"):
        type("Hiding", (Journey,), {"__module__": __name__, name: step(lambda self: None, name=name)})
    assert "hiding" not in apps.all_models["stepper_motor"]


@pytest.mark.parametrize("hiding", [property(lambda self: 1), cancel_if(True), lambda self: 1])
def test_so_is_a_condition_or_a_helper(hiding):
    for base, name in ((Journey, "attempts"), (PaymentJourney, "amount"), (PaymentJourney, "history")):
        with pytest.raises(DefinitionError, match=f"Hiding.{name} hides"):
            type("Hiding", (base,), {"__module__": __name__, name: hiding})


def test_a_class_of_the_shared_table_can_not_have_columns():
    with pytest.raises(DefinitionError, match="WithColumns declares the fields colour, but shares its table"):

        class WithColumns(Journey[Customer]):
            colour = models.CharField(max_length=10)


def test_what_was_not_well_defined_is_not_there():
    known = Journey.registry.types
    with pytest.raises(DefinitionError):

        class Broken(Journey[Customer]):
            @step(wait=-1)
            def go(self): ...

    assert Journey.registry.types == known
    assert "broken" not in apps.all_models["stepper_motor"]


def test_journey_classes_need_no_migrations_no_content_types_and_no_permissions():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    call_command("migrate", verbosity=0)
    theirs = ContentType.objects.filter(app_label__in=["stepper_motor", "shop"])
    assert {t.model for t in theirs if "journey" in t.model} == {
        "journey", "journeyhistory", "paymentjourney", "paymentjourneyhistory",
    }  # fmt: skip
    assert not ContentType.objects.filter(model__in=["drip", "course", "musiccourse", "guided"]).exists()
    assert not Permission.objects.filter(codename__endswith="_drip").exists()
    assert {model for model in apps.get_models() if issubclass(model, Journey)} == {Journey}
