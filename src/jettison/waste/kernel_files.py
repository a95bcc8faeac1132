"""Kernels, their modules, firmware and hardware lists: a container runs on its host's."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "kernel-files",
        "kernels, modules and firmware",
        rank=23,
        remedy="do not install linux-image, linux-headers and firmware packages, nor udev",
        fix="stage",
        safe=False,
        directory=rb"(?:usr/)?lib/(?:modules|firmware)/|usr/src/linux-[^/]*/",
        also=(
            (rb"boot/", rb"(?:vmlinu[xz]|initrd|initramfs|System\.map|config)[-.].+"),
            (rb"(?:usr/lib|lib|etc)/udev/(?:hwdb\.d/)?$", rb"hwdb\.bin|.+\.hwdb"),
        ),
    ),
)
