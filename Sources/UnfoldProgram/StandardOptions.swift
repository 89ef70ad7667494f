// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Experiments
import Operators
import ProximalMaps
import Tensors

// The options of the package's own experiments: names and kinds of their settings' properties.

extension MeasuredColor: ExpressibleByArgument {}
extension Blocks.Constraint: ExpressibleByArgument {}
extension WholeImageLoss: ExpressibleByArgument {}
extension NetworkOptimiser: ExpressibleByArgument {}
extension FrequencyOrder: ExpressibleByArgument {}
extension DiscPhantom.Shapes: ExpressibleByArgument {}
extension WaveletFilter: ExpressibleByArgument {}
extension CTScan.Beam: ExpressibleByArgument {}
extension CTScan.AngleUnit: ExpressibleByArgument {}
extension CTUnits: ExpressibleByArgument {}
extension FanBeamGeometry.Detector: ExpressibleByArgument {}
extension FilteredBackProjection.Window: ExpressibleByArgument {}
extension TomographyData.Part: ExpressibleByArgument {}
extension GradientKind: ExpressibleByArgument {}
extension WeightChoiceRule: ExpressibleByArgument {}

extension PatchCoding: CommandLineExperiment {
  public struct SetupOptions: ParsableArguments, Encodable {
    @Option(
      help: ArgumentHelp(
        "Dictionary of 100 rows in any array format; that of LISTA's weights which ship, or in training a learned one, without it.",
        valueName: "file"))
    var dictionary: String?
    @Option(help: "Atoms of the dictionary that ships, 100 or 400, or that is learned (default: 100).") var units: Int?
    @Option(help: ArgumentHelp("Add white noise at this signal-to-noise ratio.", valueName: "dB")) var noiseSnr: Double?
    public init() {}
  }
  public struct KnobOptions: ParsableArguments, Encodable {
    @Option(help: "Most iterations of a classical method (default: 100); it ends before at a relative duality gap of 1e-6.")
    var iterations: Int?
    public init() {}
  }
  public struct TrainingSetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Folder of training images; may be given more than once.", valueName: "dir")) var images: [String] =
      []
    @Option(help: "LISTA: iterations T, counted as in the paper (default: 3).") var iterations: Int?
    @Option(help: "Training patches.") var patches: Int?
    public init() {}
  }
}

extension Recovery: CommandLineExperiment {
  public struct SetupOptions: ParsableArguments, Encodable {
    @Option(
      help: ArgumentHelp("Matrix A in any array format; without it, the benchmark's own of 250 × 500 by --seed.", valueName: "file")
    )
    var matrix: String?
    @Option(help: "Rows of the benchmark's A.") var rows: Int?
    @Option(help: "Columns of the benchmark's A.") var columns: Int?
    @Option(help: ArgumentHelp("Add white noise at this signal-to-noise ratio.", valueName: "dB")) var noiseSnr: Double?
    public init() {}
  }
  public struct KnobOptions: ParsableArguments, Encodable {
    @Option(help: "Weight of ‖x‖₁ of ista and fista (default: 0.1) and step-lista.") var lambda: Double?
    @Option(help: "Most iterations of a classical method (default: 100); it ends before at a relative duality gap of 1e-6.")
    var iterations: Int?
    public init() {}
  }
  public struct TestOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Array of codes, one a row; without it, the benchmark's 1,000 test samples.", valueName: "file"))
    var data: String?
    public init() {}
  }
  public typealias TrainingSetupOptions = NoOptions
}

extension Blocks: CommandLineExperiment {
  public struct SetupOptions: ParsableArguments, Encodable {
    @Option(help: "Sampling ratio, for a Φ drawn from --seed.") var ratio: Double?
    @Option(help: ArgumentHelp("Φ, M × pixels of a block, in any array format.", valueName: "file")) var phi: String?
    @Option(help: "What of a colour image is measured: luminance (default) or every-channel.") var color: MeasuredColor?
    @Option(help: ArgumentHelp("Add white noise at this signal-to-noise ratio.", valueName: "dB")) var noiseSnr: Double?
    public init() {}
  }
  public struct OpeningOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Of measurements in an array, [blocks, M]: Φ, M × pixels of a block.", valueName: "file"))
    var phi: String?
    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp("Of measurements in an array: height and width of the image.", valueName: "pixels"))
    var size: [Int] = []
    public init() {}
  }
  public struct KnobOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Q_init, for weights that do not hold it.", valueName: "file")) var initial: String?
    @Flag(help: "sodas-net, scnet: the mean over the eight flips and turns of the image; eight times the time.")
    var selfEnsemble = false
    @Option(
      help: ArgumentHelp("ircnn: weights of a denoising network in place of those that ship, FFDNet's too.", valueName: "file"))
    var denoiserWeights: String?
    public init() {}
  }
  public struct TrainingSetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Folder of training images; may be given more than once.", valueName: "dir")) var images: [String] =
      []
    @Option(help: ArgumentHelp("Q_init in place of the fit to training blocks.", valueName: "file")) var initial: String?
    @Option(help: "What the constraint of the loss looks at: none (default), running or ground-truth.")
    var constraint: Blocks.Constraint?
    @Option(
      help:
        "squares (default) or log-squares; of sodas-net and scnet log-squares (default), squares, absolute, or measurements, which needs no ground truth."
    )
    var loss: WholeImageLoss?
    public init() {}
  }
}

extension KSpace: CommandLineExperiment {
  public struct SetupOptions: ParsableArguments, Encodable {
    @Option(help: "Sampling ratio of a pattern.") var ratio: Double?
    @Option(help: ArgumentHelp("radial (default), cartesian or random, of --ratio; or an array of 0 and 1.", valueName: "mask"))
    var mask: String?
    @Option(help: "Where a mask from a file has frequency 0: transform (at [0, 0], default) or centred.") var maskOrder:
      FrequencyOrder?
    @Flag(help: "Divide every image by its largest magnitude.") var toMaximum = false
    @Option(help: "Receive coils around the image, simulated from --seed (default: 1, which sees all alike).") var coils: Int?
    @Option(help: ArgumentHelp("Maps of the receive coils, [coils, height, width], in place of simulated ones.", valueName: "file"))
    var maps: String?
    @Option(help: ArgumentHelp("Add white noise at this signal-to-noise ratio.", valueName: "dB")) var noiseSnr: Double?
    public init() {}
  }
  public struct KnobOptions: ParsableArguments, Encodable {
    @Option(help: "Weight of the penalty of tv, recpf, sidwt, pfista, pbdw, pano and fdlcp.") var lambda: Double?
    @Option(help: "ρ of tv, recpf and sidwt.") var penalty: Double?
    @Option(help: "Iterations of tv, recpf, sidwt and pfista; of a round of pbdw, pano and fdlcp.") var iterations: Int?
    @Option(help: "Taps of the wavelet of sidwt, pfista and recpf: 2 (Haar), 4, 6 or 8 (Daubechies).") var wavelet: WaveletFilter?
    @Option(help: "Levels of the wavelet of sidwt, pfista and recpf.") var levels: Int?
    @Option(help: "Classical methods but zero-filling: the largest magnitude of images (default: estimated from each measurement).")
    var scale: Double?
    public init() {}
  }
  public struct OpeningOptions: ParsableArguments, Encodable {
    @Option(help: "Of a scanner's k-space: the slice to reconstruct, from 0 (default: all).") var slice: Int?
    @Option(
      help: ArgumentHelp(
        "Of several coils: their maps, [coils, height, width], or espirit, which estimates them (default: those measured with, where known).",
        valueName: "file"))
    var maps: String?
    public init() {}
  }
  public struct TrainingSetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Folder of training images; may be given more than once.", valueName: "dir")) var images: [String] =
      []
    @Option(help: ArgumentHelp("Folder of validation images, in place of a tenth of the others.", valueName: "dir"))
    var validationImages: [String] = []
    @Option(help: "Extent of the square images, cut or with zeros around them (default: 256).") var size: Int?
    @Option(help: "Takes every how many-th slice of a volume along each axis (default: 4).") var sliceStep: Int?
    @Flag(help: "Train on the magnitudes of complex images.") var magnitudes = false
    @Option(help: "squares (default) or log-squares; admm-net: neither, its loss is the normalised error.") var loss:
      WholeImageLoss?
    public init() {}
  }
}

extension CT: CommandLineExperiment {
  public struct ScanOptions: ParsableArguments, Encodable {
    @Option(help: "Views, spread evenly over half a turn, or over a full turn of a fan (default: 60).") var views: Int?
    @Option(help: "parallel (default) or fan.") var geometry: CTScan.Beam?
    @Option(help: "Numbers of a view (default: enough for the image's diagonal).") var bins: Int?
    @Option(help: ArgumentHelp("Width of a bin, or of a cell of the fan's detector.", valueName: "mm")) var binWidth: Double?
    @Option(help: ArgumentHelp("Fan: from the source to the axis (default: 595).", valueName: "mm")) var sourceDistance: Double?
    @Option(help: ArgumentHelp("Fan: from the source to the detector (default: 1085.6).", valueName: "mm"))
    var detectorDistance: Double?
    @Option(help: "Fan: cells on an arc (default) or on a line.") var detector: FanBeamGeometry.Detector?
    @Flag(help: "Fan: over half a turn and the fan only.") var halfScan = false
    @Option(help: ArgumentHelp("Of the axis from the middle of the detector.", valueName: "bins")) var axisOffset: Double?
    @Option(help: "Of --angles: radians (default) or degrees.") var angleUnit: CTScan.AngleUnit?
    public init() {}
  }
  public struct SetupOptions: ParsableArguments, Encodable {
    @OptionGroup var scan: ScanOptions
    @Option(help: ArgumentHelp("Angles of the views, an array, in place of even ones.", valueName: "file"))
    var angles: String?
    @Option(help: ArgumentHelp("Size of a pixel (default: that of DICOM and NIfTI files, else 0.8).", valueName: "mm"))
    var pixelSize: Double?
    @Option(help: "Photons of a ray that meets nothing; without it no noise.") var photons: Double?
    @Option(help: ArgumentHelp("Noise of the detector itself.", valueName: "photons")) var electronic: Double?
    @Option(help: "What pixels are: image (in [0, 1]), attenuation (1/cm) or hounsfield (default: of DICOM).") var quantity:
      CTUnits?
    @Option(help: ArgumentHelp("JSON that says which rows of a file of many images are for what.", valueName: "file"))
    var split: String?
    public init() {}
  }
  public struct OpeningOptions: ParsableArguments, Encodable {
    @Option(help: "Of projections in an array: parallel (default) or fan.") var geometry: CTScan.Beam?
    @Option(help: ArgumentHelp("Of projections in an array: angles of the views, an array.", valueName: "file")) var angles: String?
    @Option(help: "Unit of the angles: radians (default) or degrees.") var angleUnit: CTScan.AngleUnit?
    @Option(help: ArgumentHelp("Of projections in an array: size of a pixel (default: 0.8).", valueName: "mm"))
    var pixelSize: Double?
    @Option(
      help: ArgumentHelp("Of projections in an array: width of a bin or cell (default: a pixel at the axis).", valueName: "mm"))
    var binWidth: Double?
    @Option(help: ArgumentHelp("Fan: from the source to the axis.", valueName: "mm")) var sourceDistance: Double?
    @Option(help: ArgumentHelp("Fan: from the source to the detector.", valueName: "mm")) var detectorDistance: Double?
    @Option(help: "Fan: cells on an arc (default) or on a line.") var detector: FanBeamGeometry.Detector?
    @Option(help: ArgumentHelp("Of the axis from the middle of the detector.", valueName: "bins")) var axisOffset: Double?
    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp(
        "Of projections in an array: height and width of the image (default: the detector's).", valueName: "pixels"))
    var size: [Int] = []
    public init() {}
  }
  public struct KnobOptions: ParsableArguments, Encodable {
    @Option(help: "Weight of the penalty of fista-tv.") var lambda: Double?
    @Option(help: "Iterations of fista-tv.") var iterations: Int?
    @Option(help: "fbp: ramp (default), or hann for less noise.") var window: FilteredBackProjection.Window?
    public init() {}
  }
  public struct TestOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Folder of images and slices, or one file.", valueName: "dir")) var images: String?
    @Option(help: "Of --split: test (default), validation or train.") var part: TomographyData.Part?
    public init() {}
  }
  public struct TrainingSetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Folder or file of training images; may be given more than once.", valueName: "dir"))
    var images: [String] = []
    @Option(help: ArgumentHelp("Folder of validation images, in place of a tenth of the others.", valueName: "dir"))
    var validationImages: [String] = []
    @Option(help: "Images made this many times smaller first, to begin with.") var reduce: Int?
    @Option(help: "Step of the network: weight (default) or adjoint.") var gradient: GradientKind?
    public init() {}
  }
}

extension DiscTomography: CommandLineExperiment {
  public struct SetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Images: add white noise at this signal-to-noise ratio.", valueName: "dB")) var noiseSnr: Double?
    @Option(help: ArgumentHelp("Sets: phantoms for training (default: 2000).", valueName: "count")) var phantoms: Int?
    @Option(help: ArgumentHelp("Sets: the shapes of phantoms for training (default: discs).", valueName: "shapes"))
    var shapes: DiscPhantom.Shapes?
    @Option(help: ArgumentHelp("Sets: ratios for training are drawn between this and 50 dB.", valueName: "dB"))
    var lowestNoiseSnr: Double?
    public init() {}
  }
  public struct OpeningOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Of voltages in an array: extent of the image (default: 64).", valueName: "pixels")) var side: Int?
    public init() {}
  }
  public struct KnobOptions: ParsableArguments, Encodable {
    @Option(help: "Weight of the penalty of fista-tv.") var lambda: Double?
    @Option(help: "Iterations of fista-tv.") var iterations: Int?
    public init() {}
  }
  public struct TestOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Sets of `unfold simulate`; without it, those of --seed.", valueName: "file")) var data: String?
    @Option(help: "test (default), validation, train or unseen_shapes.") var part: TomographyData.Part?
    public init() {}
  }
  public struct TrainingSetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Sets of `unfold simulate`; without it, those of --seed.", valueName: "file")) var data: String?
    @Option(help: "Step of the network: weight (default), adjoint, newton or newton-opposite.") var gradient: GradientKind?
    public init() {}
  }
}

extension Denoising: CommandLineExperiment {
  public struct SetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Standard deviation of the noise, of 255 levels.", valueName: "levels")) var sigma: Double?
    public init() {}
  }
  public struct OpeningOptions: ParsableArguments, Encodable {
    @Option(
      help: ArgumentHelp(
        "Of a noisy picture: standard deviation of its noise, of 255 levels (default: estimated).", valueName: "levels"))
    var sigma: Double?
    public init() {}
  }
  public struct TrainingSetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Folder of training images; may be given more than once.", valueName: "dir")) var images: [String] =
      []
    @Option(help: ArgumentHelp("Folder of validation images, in place of a tenth of the others.", valueName: "dir"))
    var validationImages: [String] = []
    @Option(help: ArgumentHelp("Extent of the square crops (default: 48).", valueName: "pixels")) var crop: Int?
    @Option(help: ArgumentHelp("Noise is drawn up to this standard deviation, of 255 levels (default: 55).", valueName: "levels"))
    var highestSigma: Double?
    public init() {}
  }
}

extension Linear: CommandLineExperiment {
  public struct SetupOptions: ParsableArguments, Encodable {
    @Option(
      help: ArgumentHelp(
        "The operator: a matrix in any array format, dense or sparse, or a description of steps in YAML.", valueName: "file"))
    var `operator`: String?
    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp("Extents of one signal: N, H W or C H W (default: as the operator says).", valueName: "extents"))
    var shape: [Int] = []
    @Option(help: ArgumentHelp("The matrix, in a file of several.", valueName: "name")) var variable: String?
    @Option(help: ArgumentHelp("Standard deviation of white noise in every number.", valueName: "σ")) var noise: Double?
    @Option(help: ArgumentHelp("White noise at this signal-to-noise ratio.", valueName: "dB")) var noiseSnr: Double?
    public init() {}
  }
  public typealias OpeningOptions = SetupOptions
  public struct KnobOptions: ParsableArguments, Encodable {
    @Option(
      help: ArgumentHelp(
        "A term of the objective, as often as wanted: \(PriorTerm.spellings.joined(separator: ", ")); a weight may be auto. Of plug-and-play one of \(DenoiserTerm.spellings.joined(separator: ", ")).",
        valueName: "prior"))
    var prior: [String] = []
    @Option(help: "Most iterations of a classical method.") var iterations: Int?
    @Option(help: "Relative tolerance at which a classical method ends (default: 1e-6).") var tolerance: Double?
    @Option(help: ArgumentHelp("Write objective and residuals by iteration, CSV.", valueName: "file")) var trace: String?
    @Option(
      help:
        "How a weight auto is chosen: predicted-risk (default where the noise is known), discrepancy, residual-freedom, cross-validation (default where not) or l-curve."
    )
    var chooseBy: WeightChoiceRule?
    @Option(help: ArgumentHelp("Draw the weights that were tried, SVG or PNG.", valueName: "file")) var plot: String?
    @Option(help: ArgumentHelp("denoiser:dilated-cnn, denoiser:ffdnet: weights in place of those that ship.", valueName: "file"))
    var denoiserWeights: String?
    public init() {}
  }
  public struct TestOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Folder of images, one file, or an array of signals, one a row.", valueName: "dir")) var images:
      String?
    public init() {}
  }
  public struct TrainingSetupOptions: ParsableArguments, Encodable {
    @Option(help: ArgumentHelp("Folder of images, or array of signals, one a row; may be given more than once.", valueName: "dir"))
    var images: [String] = []
    @Option(help: ArgumentHelp("The same for validation, in place of a tenth of the others.", valueName: "dir"))
    var validationImages: [String] = []
    @Option(help: ArgumentHelp("Extent of the square crops, for an operator of any extent (default: 64).", valueName: "pixels"))
    var crop: Int?
    @Option(
      help: ArgumentHelp(
        "Measurements, [samples] and the operator's codomain, in place of --images; without --signals no ground truth is needed.",
        valueName: "file"))
    var measurements: String?
    @Option(help: ArgumentHelp("The signals that --measurements are of, in their order.", valueName: "file")) var signals: String?
    @Option(
      help: ArgumentHelp(
        "plug-and-play-net: FFDNet's weights, its authors' or our own, which stay as they are.", valueName: "file"))
    var denoiserWeights: String?
    public init() {}
  }
}
