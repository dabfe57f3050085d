"""Names of the networks as they are printed, and of the classes of the made images; nothing heavy is imported."""

LABELS = {
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "densenet121": "DenseNet-121",
    "mobilenet_v2": "MobileNetV2",
    "tiny": "tiny ResNet",
}
CLASSES = ("astronaut", "cat", "coffee", "coin", "flower", "motorcycle", "pagoda", "shuttle")
