"""What results say of where they were made."""

from dissect.store.record import under_other_versions, versions


def test_runs_of_other_versions_are_told_of_with_what_is_there_now(variant):
    config, here = variant().config, versions()
    old = {**here, "torch": "1.0", "gone": "2"}
    assert under_other_versions([{"versions": here}, {"versions": None}, {}], config) == ""
    assert under_other_versions([{"versions": old}, {"versions": old}, {"versions": here}], config) == (
        f"note: of the runs that were finished before, 2 under torch 1.0 (here: {here['torch']})"
    )
