"""QGIS draws layers without a screen: a program for the Python that QGIS belongs to.

It reads a list of layers as JSON, draws each into a PNG of 256 x 256 pixels, and writes what it
found as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsErrorMessage,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor, QImage


def drawn(wanted: dict[str, Any]) -> dict[str, Any]:
    layer = QgsRasterLayer(wanted["uri"], "layer", "wms")
    if not layer.isValid():
        return {"error": layer.error().message(QgsErrorMessage.Text)}
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(QgsCoordinateReferenceSystem(wanted["crs"]))
    settings.setExtent(QgsRectangle(*wanted["box"]))
    settings.setOutputSize(QSize(256, 256))
    settings.setBackgroundColor(QColor(0, 0, 0, 0))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().convertToFormat(QImage.Format_RGBA8888).save(wanted["out"])
    return {"crs": layer.crs().authid(), "errors": [error.message for error in job.errors()]}


if __name__ == "__main__":
    application = QgsApplication([], False)
    application.initQgis()
    print(json.dumps([drawn(wanted) for wanted in json.load(sys.stdin)]))
    application.exitQgis()
