"""What Dataverse says of the fields of its metadata block "astrophysics".

From scripts/api/data/metadatablocks/astrophysics.tsv of IQSS/dataverse (Apache-2.0), commit
009a64ff: per field, whether it may be repeated, and the terms of its vocabulary if it has one.
"""

ASTROPHYSICS = {
    "astroType": (
        True,
        {"Image", "Mosaic", "EventList", "Spectrum", "Cube", "Table", "Catalog", "LightCurve",
         "Simulation", "Figure", "Artwork", "Animation", "PrettyPicture", "Documentation",
         "Other", "Library", "Press Release", "Facsimile", "Historical", "Observation",
         "Object", "Value", "ValuePair", "Survey"},
    ),
    "astroFacility": (True, None),
    "astroInstrument": (True, None),
    "astroObject": (True, None),
    "coverage.Temporal": (True, None),
    "coverage.Temporal.StartTime": (False, None),
    "coverage.Temporal.StopTime": (False, None),
    "coverage.Spatial": (True, None),
    "coverage.ObjectDensity": (False, None),
    "coverage.ObjectCount": (False, None),
    "coverage.SkyFraction": (False, None),
}  # fmt: skip
