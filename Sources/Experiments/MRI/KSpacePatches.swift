// SPDX-License-Identifier: Apache-2.0
import Algorithms

// Parameters of the methods of patches, for images whose largest magnitude is 1, by mean PSNR on training images at 20 %, pseudo-radial masks,
// test images unseen; a slice of a head and a chest unless said. Documentation/ADMMNet.md has the grid.

extension PANO {
  static var kSpace: PatchReconstruction<PANO> {
    var model = PANO()
    model.groupSize = 16
    return PatchReconstruction(model, weight: 1e-6, firstThreshold: 0.03, lastThreshold: 0.003, iterations: 30, rounds: 1)
  }
}

extension PBDW {
  static var kSpace: PatchReconstruction<PBDW> {
    var model = PBDW()
    model.directions.count = 24
    return PatchReconstruction(model, weight: 1e-6, firstThreshold: 1 / 16, lastThreshold: 1 / 512, iterations: 20, rounds: 1)
  }
}

extension FDLCP {
  static var kSpace: PatchReconstruction<FDLCP> {
    var model = FDLCP()
    model.directions.count = 24
    return PatchReconstruction(model, weight: 1e-6, firstThreshold: 1 / 16, lastThreshold: 1 / 512, iterations: 20, rounds: 1)
  }
}
