# Two commands do everything: `make demo` and `make test`. Each installs what is missing first.
SWIFT ?= swift
OUT ?= report
RELEASE = $(SWIFT) build -c release --product unfold
MPI = $(shell pkg-config --exists mpi-c 2>/dev/null && echo --traits MPI,FFTW)

.PHONY: all demo test test-all test-debug test-release test-twin pages python wheel dist docs cluster bench fuzz lint dependencies build clean

all: build

dependencies:
	@Scripts/dependencies.sh $(if $(filter test test-all,$(MAKECMDGOALS)),test)

build: dependencies
	$(RELEASE)

# Real photographs by TVAL3, ISTA-Net⁺ and SCNet, a CT slice from few X-rays, a LISTA trained on the spot; pictures and a page in $(OUT).
demo:
	@Scripts/dependencies.sh demo
	$(RELEASE)
	.build/release/unfold demo --out $(OUT)

# Debug and release: the compiler differentiates differently in each.
test: dependencies test-debug test-release test-twin

# And the tests that take many minutes: trainings, what the pages on adding things say, Python, and several processes.
test-all: export UNFOLD_LONG_TESTS = 1
test-all: test pages python cluster

# The debug build has MPI where there is one, for the tests of several processes; the release build is the default one.
test-debug: dependencies
	$(SWIFT) build --build-tests $(MPI)
	SWIFT="$(SWIFT)" Scripts/test.sh debug

test-release: dependencies
	$(SWIFT) build -c release --build-tests
	SWIFT="$(SWIFT)" Scripts/test.sh release

# The package's own Fourier transform is tested in every build; here one without FFTW.
test-twin: dependencies
	$(SWIFT) build --disable-default-traits --scratch-path .build-twin $(if $(UNFOLD_LONG_TESTS),--product unfold,--target Kernels)

# The pages Documentation/AddA*.md to the letter, on a copy; PAGES="--folder DIR" keeps it for the next time.
pages: dependencies
	SWIFT="$(SWIFT)" Scripts/pages.py $(PAGES)

# The Python package: types and tests; OPTIONS go to pytest.
python: dependencies
	SWIFT="$(SWIFT)" Scripts/python.sh $(OPTIONS)

# A wheel for every Python from 3.10 on in Python/dist, tested in an empty environment.
wheel: dependencies
	SWIFT="$(SWIFT)" Scripts/wheel.sh

# The commit goes into what trainings write; another one costs a build seconds.
ifndef UNFOLD_COMMIT
export UNFOLD_COMMIT := $(shell git rev-parse HEAD 2>/dev/null)$(shell git status --porcelain 2>/dev/null | grep -q . && echo -dirty)
endif

# The program with its libraries, weights, completions and manual pages, for machines without Swift.
dist: dependencies
	SWIFT="$(SWIFT)" Scripts/dist.sh

# The reference as a static site in site/, every link looked at.
docs: dependencies
	SWIFT="$(SWIFT)" Scripts/docs.sh

bench: build
	Benchmarks/run.sh

# A million mutated files a format, and odd calls of the C interface, under AddressSanitizer.
fuzz: dependencies
	Scripts/fuzz.sh
	UNFOLD_FUZZ_COMMANDS=5000 swift test --filter CommandFuzzTests

# Training over processes of Open MPI and MPICH, and under Slurm, each where it is installed.
cluster: dependencies
	@if pkg-config --exists ompi-c; then SWIFT="$(SWIFT)" Scripts/mpi.sh openmpi; else echo "Open MPI: found no libopenmpi-dev, left out"; fi
	@if pkg-config --exists mpich; then SWIFT="$(SWIFT)" Scripts/mpi.sh mpich; else echo "MPICH: found no libmpich-dev, left out"; fi
	@if command -v slurmctld >/dev/null && command -v munged >/dev/null; then SWIFT="$(SWIFT)" Scripts/slurm.sh; else echo "Slurm: found no slurm-wlm and munge, left out"; fi

lint:
	$(SWIFT) format lint --strict --recursive --parallel Sources Tests Examples Package.swift

clean:
	rm -rf .build .build-twin .build-library .build-dist .build-wheel .build-python .build-docs .build-mpi .build-mpich site dist
