// SPDX-License-Identifier: Apache-2.0

// Experiments speak of operators, networks and trainings in its terms.
@_exported import LinearSystems
