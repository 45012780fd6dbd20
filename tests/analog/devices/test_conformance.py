"""Every registered kind and every device by name does what a device must do."""

import pytest

from archsim import plugins

from .conformance import Conformance


class TestKinds(Conformance):
    @pytest.fixture(params=plugins.names("archsim.device_kinds"))
    def device(self, request):
        return plugins.load("archsim.device_kinds", request.param).Settings()


class TestDevicesByName(Conformance):
    @pytest.fixture(params=sorted({*plugins.names("archsim.devices")} - {*plugins.names("archsim.device_kinds")}))
    def device(self, request):
        return plugins.load("archsim.devices", request.param)()


@pytest.mark.parametrize("name", plugins.names("archsim.device_kinds"))
def test_every_kind_has_a_device_of_its_name_with_its_defaults(name):
    kind = plugins.load("archsim.device_kinds", name)
    assert kind.Settings().kind == name
    assert plugins.load("archsim.devices", name)() == kind.Settings()
