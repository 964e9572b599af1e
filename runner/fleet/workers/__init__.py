"""The engines that carry the tenants of a stage: threads of this process, or workers on other machines."""
