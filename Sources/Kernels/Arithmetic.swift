// SPDX-License-Identifier: Apache-2.0

/// In what the products of convolutional networks are computed.
///
/// `mixed` is ``MixedConvolution``'s: factors in bfloat16, sums in single precision, for arrays in single precision and channel counts
/// that are multiples of 32. All else is computed as with `single`: parameters, residuals, data steps, thresholds, optimisers and
/// averages stay in the precision of their arrays. Known as automatic mixed precision.
public enum Arithmetic: String, Sendable, CaseIterable {
  case single
  case mixed

  /// That of the convolutions which the calling task makes, on whatever threads it spreads them over; a pullback keeps that of its
  /// forward pass. Bound by `Arithmetic.$current.withValue(.mixed) { … }`.
  @TaskLocal public static var current = Arithmetic.single
}
