"""What a task says of its data, in words."""

from dissect.report.facts import data_called, facts_text


def test_what_was_left_out_is_told_by_class_and_kind():
    data = {"name": "photos", "classes": 2, "left_out": {"cat": {".txt": 2, ".pdf": 1}, "in no class": {".jpg": 1}}}
    assert facts_text(data) == "2 classes, left out: cat 1 .pdf + 2 .txt, in no class 1 .jpg"
    assert facts_text(data, numbers=True) == "2 classes"
    many = {"left_out": {f"c{k:02}": {".txt": 1} for k in range(12)}}
    assert facts_text(many).endswith("c09 1 .txt and of 2 more")


def test_somebodys_folder_of_images_is_called_by_its_name_and_names_its_classes():
    data = {"name": "image_folder", "folder": "photos", "classes": 7, "class names": "ant, bee and 5 more"}
    assert data_called(data) == "photos (image_folder)"
    assert facts_text(data) == "7 classes, class names: ant, bee and 5 more"
    assert data_called({"name": "digits"}) == data_called({"name": "digits", "folder": None}) == "digits"
