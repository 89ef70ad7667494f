// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The kernels of overlapping patches, as `CKernels.h` lists them; ``PatchMatching``, ``PatchTransform`` and ``PatchGroups`` use them.
public protocol PatchScalar {
  typealias In = UnsafePointer<Self>
  typealias Out = UnsafeMutablePointer<Self>
  typealias Places = UnsafePointer<Int32>

  /// Squared distances of the patches at a + j and b + j, of (a, b, stride, side, count, limits, out, hits); returns how many hits: where spans
  /// of ``PatchLattice/span`` numbers begin of which one is below its limit.
  static var patchDistances: @Sendable (In, In, Int, Int, Int, In, Out, UnsafeMutablePointer<Int32>) -> Int { get }
  /// B x Bᵀ of the patches x at places, of (Bᵀ, side, image, stride, places, count, stack).
  static var patchTransform: @Sendable (In, Int, In, Int, Places, Int, Out) -> Void { get }
  /// The same in place, of (Bᵀ, side, stack, count).
  static var patchTransformStack: @Sendable (In, Int, Out, Int) -> Void { get }
  /// The Haar transform across patches, of (stack, count, size of a patch, whether inverse).
  static var patchHaar: @Sendable (Out, Int, Int, Int32) -> Void { get }
  /// 0 where |v| < t, of (stack, numbers, t); returns how many others there are.
  static var patchThreshold: @Sendable (Out, Int, Self) -> Int { get }
  /// Pairs (a, b) times max(1 − t / √(a² + b²), 0) in place, of (a, b, count, t).
  static var shrinkPairs: @Sendable (Out, Out, Int, Self) -> Void { get }
  /// stack · g with g = guide² / (guide² + variance), of (stack, guide, numbers, variance); returns Σ g².
  static var patchWiener: @Sendable (Out, In, Int, Self) -> Double { get }
  /// Patches times their weights into sums, of (stack, side, places, count, window, weight, numerator, denominator, stride).
  static var patchAdd: @Sendable (In, Int, Places, Int, In, Self, Out, Out, Int) -> Void { get }
}

extension Float: PatchScalar {
  public static var patchDistances: @Sendable (In, In, Int, Int, Int, In, Out, UnsafeMutablePointer<Int32>) -> Int {
    ck_patch_distances_f32
  }
  public static var patchTransform: @Sendable (In, Int, In, Int, Places, Int, Out) -> Void { ck_patch_transform_f32 }
  public static var patchTransformStack: @Sendable (In, Int, Out, Int) -> Void { ck_patch_transform_stack_f32 }
  public static var patchHaar: @Sendable (Out, Int, Int, Int32) -> Void { ck_patch_haar_f32 }
  public static var patchThreshold: @Sendable (Out, Int, Float) -> Int { ck_patch_threshold_f32 }
  public static var shrinkPairs: @Sendable (Out, Out, Int, Float) -> Void { ck_pair_shrink_f32 }
  public static var patchWiener: @Sendable (Out, In, Int, Float) -> Double { ck_patch_wiener_f32 }
  public static var patchAdd: @Sendable (In, Int, Places, Int, In, Float, Out, Out, Int) -> Void { ck_patch_add_f32 }
}

extension Double: PatchScalar {
  public static var patchDistances: @Sendable (In, In, Int, Int, Int, In, Out, UnsafeMutablePointer<Int32>) -> Int {
    ck_patch_distances_f64
  }
  public static var patchTransform: @Sendable (In, Int, In, Int, Places, Int, Out) -> Void { ck_patch_transform_f64 }
  public static var patchTransformStack: @Sendable (In, Int, Out, Int) -> Void { ck_patch_transform_stack_f64 }
  public static var patchHaar: @Sendable (Out, Int, Int, Int32) -> Void { ck_patch_haar_f64 }
  public static var patchThreshold: @Sendable (Out, Int, Double) -> Int { ck_patch_threshold_f64 }
  public static var shrinkPairs: @Sendable (Out, Out, Int, Double) -> Void { ck_pair_shrink_f64 }
  public static var patchWiener: @Sendable (Out, In, Int, Double) -> Double { ck_patch_wiener_f64 }
  public static var patchAdd: @Sendable (In, Int, Places, Int, In, Double, Out, Out, Int) -> Void { ck_patch_add_f64 }
}
