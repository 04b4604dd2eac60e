"""Launch templates as EC2 has them: a version's source and user data, and the template's own tags.

moto loses the first two, puts the template's tags into what it launches, and never changes them again.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

_create = LaunchTemplates.create_launch_template
_create_version = LaunchTemplates.create_launch_template_version


def create_launch_template(response: Any) -> ActionResult:
    given = response._get_param("LaunchTemplateData", {})
    launched = list(given.get("TagSpecifications", []))
    answer = _create(response)
    name = response._get_param("LaunchTemplateName")
    data = response.ec2_backend.get_launch_template_by_name(name).default_version().data
    if launched:
        data["TagSpecifications"] = launched
    else:
        data.pop("TagSpecifications", None)
    return answer


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
    """Puts these operations in place of moto's."""
    LaunchTemplates.create_launch_template = create_launch_template
    LaunchTemplate.tags = property(lambda template: template.get_tags(), lambda template, _: None)
    LaunchTemplates.create_launch_template_version = create_launch_template_version
