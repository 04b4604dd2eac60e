"""Launch template versions with their source version and user data, both of which moto loses."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

_create_version = LaunchTemplates.create_launch_template_version


def create_launch_template_version(response: Any) -> ActionResult:
    given = dict(response._get_param("LaunchTemplateData", {}))
    if "UserData" in given:
        given["UserData"] = parse_user_data(given["UserData"])
    source = response._get_param("SourceVersion")
    if source is not None:
        given = {**template_of(response).get_version(source).data, **given}
    response.params["LaunchTemplateData"] = given
    return _create_version(response)


def template_of(response: Any) -> Any:
    name = response._get_param("LaunchTemplateName")
    if name:
        return response.ec2_backend.get_launch_template_by_name(name)
    return response.ec2_backend.get_launch_template(response._get_param("LaunchTemplateId"))


def install() -> None:
    """Puts this operation in place of moto's."""
    LaunchTemplates.create_launch_template_version = create_launch_template_version
