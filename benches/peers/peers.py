#!/usr/bin/env python3
"""Times PyTorch, ONNX Runtime and ncnn on the cases of `triaxis bench`, and prints its columns as CSV.

    peers.py list                  # a line for each peer: its name, `ready` or how to get it
    peers.py count NAME            # multiply-adds and parameters of a network of networks.py
    peers.py torch-cpu --suite train --model efficientnet_b0 --img-size 64 --batch-size 16 --precision f32 --runs 5

A round is printed as rows and an empty line. Then a line on standard input asks for another round, its end for the end:
so `triaxis bench compare` alternates rounds, and nobody imports or compiles twice.

A run begins with random pictures as bytes on the host. Inference ends with logits on the host, a training step with the
weights updated: SGD with momentum and weight decay, label smoothing, in f16 with autocast and a scaled loss. Two runs
warm up; the first has a column of its own and begins before the network is made.
"""

import argparse
import csv
import importlib
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

COLUMNS = (
    "suite,case,device,median_ms,min_ms,max_ms,cpu_median_ms,first_ms,reps,gflop_per_s,images_per_s,p95_ms,"
    "stream_images_per_s,encode_ms,encode_cpu_ms,record_cpu_ms,wait_share,loader_images_per_s,loader_images_per_cpu_s,memory_bytes,"
    "moved_bytes,gb_per_s,copy_gb_per_s,copy_share,peak_gflop_per_s,peak_share,submits,dispatches,model,resolution,batch,form,precision,kernel,"
    "place,time_share,cumulative_share,clock,adapter,driver,backend,commit,version,problem"
).split(",")


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def processor():
    """The processor's name, which stands in the column of the adapter."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def torch_import():
    import torch

    import networks  # torch is imported first: where it is missing, the message names it

    return torch, networks


class Torch:
    """PyTorch on the processor or CUDA; `tags` are `nchw` and `compile`."""

    def __init__(self, options, device, tags):
        torch, networks = torch_import()
        if options.precision == "f16" and device == "cpu":
            raise ValueError("on a processor PyTorch has no f16 training, and f16 inference is slower than f32")
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError("torch.cuda.is_available() is false")
        torch.manual_seed(0)
        torch.backends.cudnn.benchmark = True
        torch.set_num_threads(options.threads)
        self.torch, self.device, self.train = torch, device, options.suite == "train"
        self.half = options.precision == "f16"
        self.format = torch.contiguous_format if "nchw" in tags else torch.channels_last
        # Inference in f16 throughout is faster than autocast, so that is what is held against ours.
        self.dtype = torch.float16 if self.half and not self.train else torch.float32
        self.net = networks.network(options.model).to(device=device, dtype=self.dtype, memory_format=self.format)
        self.net.train(self.train)
        self.run_net = torch.compile(self.net) if "compile" in tags else self.net
        n, side = options.batch_size, options.img_size
        self.bytes = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8)
        self.labels = torch.tensor([i * 7 % 1000 for i in range(n)])
        if device == "cuda":
            self.bytes, self.labels = self.bytes.pin_memory(), self.labels.pin_memory()
        self.loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
        self.sgd = torch.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-5)
        self.scaler = torch.amp.GradScaler(device, enabled=self.half and device == "cuda")
        name = f"torch-{torch.__version__}-{device}-{'nchw' if 'nchw' in tags else 'nhwc'}"
        cuda = device == "cuda"
        self.about = {
            "device": name + ("-compile" if "compile" in tags else ""),
            "adapter": torch.cuda.get_device_name() if cuda else processor(),
            "driver": f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}" if cuda else f"{options.threads} threads",
            "backend": device,
            "form": "compiled" if "compile" in tags else "eager",
            "version": torch.__version__,
        }

    def images(self):
        x = self.bytes.to(self.device, non_blocking=True)
        return ((x.to(self.dtype) - 127.5) / 58.4).contiguous(memory_format=self.format)

    def run(self):
        torch = self.torch
        if not self.train:
            with torch.inference_mode():
                self.result = self.run_net(self.images()).cpu()
            return
        labels = self.labels.to(self.device, non_blocking=True)
        self.sgd.zero_grad(set_to_none=True)
        with torch.autocast(self.device, torch.float16, enabled=self.half):
            loss = self.loss(self.run_net(self.images()), labels)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.sgd)
        self.scaler.update()

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def memory(self):
        return self.torch.cuda.max_memory_allocated() if self.device == "cuda" else None

    def rest(self):
        """Between two rounds the memory is the others'."""
        if self.device == "cuda":
            self.torch.cuda.empty_cache()


def exported(options, folder):
    """torch, a network to export with random weights, pictures of its size, and the folder to write to."""
    torch, networks = torch_import()
    net = networks.network(options.model).eval()
    return torch, net, torch.zeros(options.batch_size, 3, options.img_size, options.img_size), Path(folder)


class Inference:
    """What other than torch infers: pictures are normalised by NumPy, as their users do."""

    def __init__(self, options):
        import numpy

        if options.suite != "infer" or options.precision != "f32":
            raise ValueError("it infers, in f32")
        self.numpy = numpy
        shape = (options.batch_size, 3, options.img_size, options.img_size)
        self.bytes = numpy.random.default_rng(0).integers(0, 256, shape, dtype=numpy.uint8)

    def images(self):
        return ((self.bytes.astype(self.numpy.float32)) - 127.5) / 58.4

    def wait(self):
        pass

    def memory(self):
        return None

    def rest(self):
        pass


class OnnxRuntime(Inference):
    def __init__(self, options, provider):
        super().__init__(options)
        import onnxruntime

        with tempfile.TemporaryDirectory() as folder:
            torch, net, x, folder = exported(options, folder)
            path = str(folder / "net.onnx")
            torch.onnx.export(net, (x,), path, input_names=["x"], output_names=["y"], opset_version=17, dynamo=False)
            session = onnxruntime.SessionOptions()
            session.intra_op_num_threads = options.threads
            self.session = onnxruntime.InferenceSession(path, session, providers=[f"{provider}ExecutionProvider"])
        self.about = {
            "device": f"onnxruntime-{onnxruntime.__version__}-{provider.lower()}",
            "adapter": processor(),
            "driver": f"{options.threads} threads",
            "backend": provider.lower(),
            "version": onnxruntime.__version__,
        }

    def run(self):
        self.result = self.session.run(None, {"x": self.images()})


class Ncnn(Inference):
    """ncnn has no batches: n pictures are n runs."""

    def __init__(self, options, vulkan):
        super().__init__(options)
        import ncnn
        import pnnx

        self.ncnn, self.net = ncnn, ncnn.Net()
        about = {"backend": "cpu", "adapter": processor(), "driver": f"{options.threads} threads"}
        if vulkan:
            wanted = (options.adapter or "").lower()
            names = [ncnn.get_gpu_info(i).device_name() for i in range(ncnn.get_gpu_count())]
            chosen = [i for i, name in enumerate(names) if wanted in name.lower()]
            if not chosen:
                raise ValueError(f"ncnn sees no adapter {wanted!r}; it sees {names}")
            self.net.set_vulkan_device(chosen[0])
            about = {"backend": "vulkan", "adapter": names[chosen[0]], "driver": ""}
        opt = self.net.opt
        opt.num_threads, opt.use_vulkan_compute = options.threads, vulkan
        opt.use_fp16_packed = opt.use_fp16_storage = opt.use_fp16_arithmetic = False
        with tempfile.TemporaryDirectory() as folder:
            _, net, x, folder = exported(options, folder)
            # pnnx talks on standard output, where the rows are.
            kept = os.dup(1)
            os.dup2(2, 1)
            try:
                pnnx.export(net, str(folder / "net.pt"), (x[:1],))
            except SyntaxError:
                pass  # it ends by reading a Python file of its own in which layers are called 0, 1, ...: ncnn's are there
            finally:
                sys.stdout.flush()
                os.dup2(kept, 1)
                os.close(kept)
            self.net.load_param(str(folder / "net.ncnn.param"))
            self.net.load_model(str(folder / "net.ncnn.bin"))
        version = ncnn.__version__
        self.about = {"device": f"ncnn-{version}-{about['backend']}", "version": version, **about}

    def run(self):
        for image in self.images():
            with self.net.create_extractor() as extractor:
                extractor.input("in0", self.ncnn.Mat(image).clone())
                self.result = self.numpy.array(extractor.extract("out0")[1])


# Name: the packages that must import, how to get them, what makes the peer.
PEERS = {
    "torch-cpu": (["torch"], "pip install torch", lambda o: Torch(o, "cpu", [])),
    "torch-cuda": (["torch"], "pip install torch, with a CUDA GPU", lambda o: Torch(o, "cuda", [])),
    "torch-cuda-nchw": (["torch"], "pip install torch, with a CUDA GPU", lambda o: Torch(o, "cuda", ["nchw"])),
    "torch-cuda-compile": (["torch", "triton"], "pip install torch, with a CUDA GPU", lambda o: Torch(o, "cuda", ["compile"])),
    "torch-cuda-nchw-compile": (["torch", "triton"], "pip install torch, with a CUDA GPU", lambda o: Torch(o, "cuda", ["nchw", "compile"])),
    "onnxruntime-cpu": (["torch", "onnx", "onnxruntime"], "pip install torch onnx onnxruntime", lambda o: OnnxRuntime(o, "CPU")),
    "ncnn-cpu": (["torch", "ncnn", "pnnx"], "pip install torch ncnn pnnx", lambda o: Ncnn(o, vulkan=False)),
    "ncnn-vulkan": (["torch", "ncnn", "pnnx"], "pip install torch ncnn pnnx, with a Vulkan driver", lambda o: Ncnn(o, vulkan=True)),
}


def missing(name):
    """Why a peer cannot run here, or nothing."""
    packages, how, _ = PEERS[name]
    for package in packages:
        try:
            importlib.import_module(package)
        except Exception as error:  # a package may break in any way while it is imported
            return f"{how} ({package}: {' '.join(str(error).split())})"
    if "cuda" in name:
        import torch

        if not torch.cuda.is_available():
            return f"{how} (torch {torch.__version__} sees no CUDA GPU)"
    return None


def measured(peer, options, first):
    """One round as the columns that hold times."""

    def once(settle):
        begin, cpu = time.perf_counter(), cpu_seconds()
        peer.run()
        if settle:
            peer.wait()
        return time.perf_counter() - begin, cpu_seconds() - cpu

    if first is None:
        once(True)
    once(True)
    times = [once(True) for _ in range(options.runs)]
    begin = time.perf_counter()
    for _ in range(options.runs):
        once(False)
    peer.wait()
    stream = time.perf_counter() - begin
    wall, cpu = sorted(t for t, _ in times), [t for _, t in times]
    middle = statistics.median(wall)
    number = lambda x: f"{x:.5g}"
    return {
        "median_ms": number(1e3 * middle),
        "min_ms": number(1e3 * wall[0]),
        "max_ms": number(1e3 * wall[-1]),
        "p95_ms": number(1e3 * wall[max(1, -(-95 * len(wall) // 100)) - 1]),
        "cpu_median_ms": number(1e3 * statistics.median(cpu)),
        "first_ms": "" if first is None else number(1e3 * first),
        "reps": options.runs,
        "images_per_s": number(options.batch_size / middle),
        "stream_images_per_s": number(options.runs * options.batch_size / stream),
        "memory_bytes": peer.memory() or "",
    }


def rounds(options):
    """Rows, one a round, for as long as somebody asks."""
    case = f"{options.model}_r{options.img_size}_b{options.batch_size}_{options.precision}"
    row = {
        "suite": options.suite,
        "case": case,
        "device": options.peer,
        "reps": 0,
        "model": options.model,
        "resolution": options.img_size,
        "batch": options.batch_size,
        "precision": options.precision,
        "clock": "wall clock",
    }
    out = csv.DictWriter(sys.stdout, COLUMNS, restval="", lineterminator="\n")
    out.writeheader()
    try:
        begin = time.perf_counter()
        peer = PEERS[options.peer][2](options)
        peer.run()
        peer.wait()
        first = time.perf_counter() - begin
        row.update(peer.about)
        while True:
            out.writerow({**row, **measured(peer, options, first)})
            first = None
            peer.rest()
            print(flush=True)
            if not sys.stdin.readline():
                return
    except Exception as error:  # memory that runs out, a driver that refuses: a row that says so
        problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
        out.writerow({**row, "problem": problem[:300]})
        print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=["list", "count", *PEERS])
    parser.add_argument("network", nargs="?", help="of `count`")
    parser.add_argument("--suite", choices=["infer", "train"], default="infer")
    parser.add_argument("--model", default="efficientnet_b0")
    parser.add_argument("--img-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--precision", choices=["f32", "f16"], default="f32")
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--adapter", help="a part of the Vulkan adapter's name")
    options = parser.parse_args()
    if options.peer == "list":
        for name in PEERS:
            print(f"{name}\t{missing(name) or 'ready'}")
    elif options.peer == "count":
        _, networks = torch_import()
        print("{:,} multiply-adds, {:,} parameters".format(*networks.count(options.network, options.img_size)))
    else:
        rounds(options)


if __name__ == "__main__":
    main()
