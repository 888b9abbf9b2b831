"""The networks of networks.c and examples/models.h in PyTorch, with their parameters in the same
order, so that weights go over by their number."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = None
        if stride != 1 or channels != out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        return F.relu(h + (x if self.shortcut is None else self.shortcut(x)))


def resnet(widths, blocks):
    layers = [nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    channels = widths[0]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            layers.append(Block(channels, width, 2 if stage > 0 and block == 0 else 1))
            channels = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    return nn.Sequential(*layers)


def small():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4096, 512), nn.ReLU(), nn.Linear(512, 10))


def lenet():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84),
        nn.ReLU(), nn.Linear(84, 10))


def conv_norm_relu(channels, out):
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())


def vgg11_bn():
    layers, channels = [], 3
    for out in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        layers.append(conv_norm_relu(channels, out) if out else nn.MaxPool2d(2))
        channels = out or channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def separable(channels, out, stride):
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False),
        nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, out, 1, bias=False),
        nn.BatchNorm2d(out), nn.ReLU())


def mobilenet():
    layers = [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    channels = 32
    for out, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + \
            [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
        layers.append(separable(channels, out, stride))
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 10))


def dcgan_g():
    def up(channels, out, stride, padding):
        return nn.ConvTranspose2d(channels, out, 4, stride, padding, bias=False)
    return nn.Sequential(
        up(100, 256, 1, 0), nn.BatchNorm2d(256), nn.ReLU(),
        up(256, 128, 2, 1), nn.BatchNorm2d(128), nn.ReLU(),
        up(128, 64, 2, 1), nn.BatchNorm2d(64), nn.ReLU(), up(64, 3, 2, 1), nn.Tanh())


class Level(nn.Module):
    def __init__(self, channels, out, below):
        super().__init__()
        self.down = twice(channels, out)
        self.below = below
        self.up = nn.ConvTranspose2d(2 * out, out, 2, 2)
        self.join = twice(2 * out, out)

    def forward(self, x):
        x = self.down(x)
        return self.join(torch.cat([x, self.up(self.below(F.max_pool2d(x, 2)))], 1))


def twice(channels, out):
    return nn.Sequential(conv_norm_relu(channels, out), conv_norm_relu(out, out))


def unet():
    return nn.Sequential(
        Level(3, 16, Level(16, 32, Level(32, 64, twice(64, 128)))), nn.Conv2d(16, 2, 1))


def m5():
    def block(channels, out, kernel, stride):
        return nn.Sequential(nn.Conv1d(channels, out, kernel, stride), nn.BatchNorm1d(out),
                             nn.ReLU(), nn.MaxPool1d(4))
    return nn.Sequential(
        block(1, 128, 80, 4), block(128, 128, 3, 1), block(128, 256, 3, 1), block(256, 512, 3, 1),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(512, 10))


class GatedLayer(nn.Module):
    def __init__(self, width, dilation, last):
        super().__init__()
        self.filter = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.gate = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.skip = nn.Conv1d(width, width, 1)
        self.residual = None if last else nn.Conv1d(width, width, 1)

    def forward(self, x):
        h = torch.tanh(self.filter(x)) * torch.sigmoid(self.gate(x))
        return x if self.residual is None else x + self.residual(h), self.skip(h)


class WaveNet(nn.Module):
    def __init__(self, layers=8, width=32, levels=256):
        super().__init__()
        self.stem = nn.Conv1d(1, width, 1)
        self.layers = nn.ModuleList(
            [GatedLayer(width, 1 << i, i == layers - 1) for i in range(layers)])
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU(),
                                  nn.Conv1d(width, levels, 1))

    def forward(self, x):
        x, total = self.stem(x), None
        for layer in self.layers:
            x, skip = layer(x)
            total = skip if total is None else total + skip
        return self.head(total)


def c3d():
    def conv(channels, out):
        return nn.Sequential(nn.Conv3d(channels, out, 3, padding=1), nn.ReLU())
    return nn.Sequential(
        conv(3, 32), nn.MaxPool3d((1, 2, 2)), conv(32, 64), conv(64, 64), nn.MaxPool3d(2),
        conv(64, 128), nn.MaxPool3d(2), conv(128, 128), nn.MaxPool3d(2), nn.Flatten(),
        nn.Linear(1152, 256), nn.ReLU(), nn.Linear(256, 10))


def alexnet():
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000))


def mlp():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
                         nn.Linear(512, 10))


NETWORKS = {
    "lenet": lenet,
    "small": small,
    "resnet20": lambda: resnet([16, 32, 64], 3),
    "resnet18": lambda: resnet([64, 128, 256, 512], 2),
    "vgg11_bn": vgg11_bn,
    "mobilenet": mobilenet,
    "dcgan_g": dcgan_g,
    "unet": unet,
    "m5": m5,
    "wavenet": WaveNet,
    "c3d": c3d,
    "alexnet": alexnet,
    "mlp": mlp,
}
