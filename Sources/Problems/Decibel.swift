// SPDX-License-Identifier: Apache-2.0
import Foundation

/// 10^(dB / 20): the factor of an amplitude.
func decibelFactor(_ decibel: Double) -> Double { pow(10, decibel / 20) }
