"""The printed names of the image networks."""

LABELS = {
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "densenet121": "DenseNet-121",
    "mobilenet_v2": "MobileNetV2",
    "vit": "small ViT",
    "tiny": "tiny ResNet",
}
