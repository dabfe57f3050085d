"""What a configuration's key ``images`` asks for: names, seeds and methods of the trainings."""

from srnet.images.pictures import plan

IMAGES = {
    "seed": 5,
    "size": 64,
    "networks": ["resnet18", "mobilenet_v2"],
    "train": 100,
    "test": 20,
    "epochs": {"mobilenet_v2": 1.5},
    "test_set": {"methods": ["sparse", "lime-1000"]},
}


def test_the_first_training_has_the_name_of_its_architecture():
    assert plan.network_names(IMAGES) == ["resnet18", "mobilenet_v2"]
    names = plan.network_names(IMAGES | {"trainings": 2})
    assert names == ["resnet18", "resnet18-2", "mobilenet_v2", "mobilenet_v2-2"]
    assert list(map(plan.split_name, names)) == [
        *(("resnet18", 1), ("resnet18", 2)),
        *(("mobilenet_v2", 1), ("mobilenet_v2", 2)),
    ]


def test_a_further_training_has_the_next_seed_and_the_epochs_of_its_architecture():
    options = {"images": 100, "tests": 20, "size": 64}
    assert plan.training_options(IMAGES, "resnet18") == options | {"seed": 5}
    found = plan.training_options(IMAGES, "mobilenet_v2-3")
    assert found == options | {"seed": 7, "epochs": 1.5}


def test_methods_are_those_of_all_trainings_or_of_the_first_of_a_network():
    assert plan.list_methods(IMAGES, "resnet18-2") == ["sparse", "lime-1000"]
    methods = {"default": ["sparse"], "resnet18": ["sparse", "random"]}
    images = IMAGES | {"test_set": {"methods": methods}}
    assert plan.list_methods(images, "resnet18") == ["sparse", "random"]
    assert plan.list_methods(images, "resnet18-2") == ["sparse"]
    assert plan.list_methods(images, "mobilenet_v2") == ["sparse"]
